"""Receiving a call: context, pointers, answer, status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mvsdk.abi import Abi, Syscall, load
from mvsdk.abi.decode import decode_call, decode_result
from mvsdk.abi.ranges import Argument, arguments_of
from mvsdk.emulator.events import SystemCall
from mvsdk.emulator.nor_flash import NorFlash
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import Guard, GuestPointer, Refused
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers
from mvsdk.emulator.personality.microvisor.channels import Channels
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances
from mvsdk.emulator.personality.microvisor.config_fetch import ConfigFetch
from mvsdk.emulator.personality.microvisor.external_flash import ExternalFlash
from mvsdk.emulator.personality.microvisor.fast_interrupts import FastInterrupts
from mvsdk.emulator.personality.microvisor.handles import HandleTable
from mvsdk.emulator.personality.microvisor.http import Http
from mvsdk.emulator.personality.microvisor.logging import Logging
from mvsdk.emulator.personality.microvisor.mqtt import Mqtt
from mvsdk.emulator.personality.microvisor.network import ConnectionPolicy, Network
from mvsdk.emulator.personality.microvisor.notifications import Notifications
from mvsdk.emulator.personality.microvisor.power import Power
from mvsdk.emulator.personality.microvisor.streams import Streams
from mvsdk.emulator.personality.microvisor.struct_test import StructTest
from mvsdk.emulator.personality.microvisor.system import System
from mvsdk.emulator.personality.microvisor.system_notifications import SystemNotifications
from mvsdk.emulator.personality.microvisor.testing import Testing
from mvsdk.emulator.personality.microvisor.timekeeping import Timekeeping
from mvsdk.emulator.personality.microvisor.wifi import Wifi

FAMILIES: tuple[type, ...] = (
    Logging,
    Testing,
    System,
    FastInterrupts,
    SystemNotifications,
    Notifications,
    Network,
    Channels,
    Streams,
    Http,
    ConfigFetch,
    Mqtt,
    Power,
    ExternalFlash,
    Wifi,
    StructTest,
    Timekeeping,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry point: the call and who answers it."""

    syscall: Syscall
    answer: Callable[..., None]
    before_pointers: Callable[[Sequence[int]], None] | None
    thread_only: bool
    arguments: tuple[Argument, ...]


class Microvisor:
    """The kernel as the application meets it.

    `wall_start_us` is the wall time at its start, in Unix microseconds; `flash` the external flash; `testing` says that
    the application runs as the factory's test code; `policy` when to be online; `trace` which calls are told decoded:
    all, none, or those named.
    """

    STATE: ClassVar[tuple[str, ...]] = ("circumstances", "_buffers", "_families", "_handles")

    def __init__(
        self,
        host: Host,
        *,
        device_id: str,
        wall_start_us: int,
        flash: NorFlash,
        testing: bool,
        policy: ConnectionPolicy,
        trace: bool | frozenset[str],
    ) -> None:
        self._host = host
        self._abi = load("microvisor")
        self._statuses = self._abi.status.members
        self._handles = HandleTable(host.random_word)
        self._buffers = LentBuffers()
        self.circumstances = Circumstances()
        """What goes on around the application; free to be changed."""
        self._logging = Logging(host, self._buffers, self.circumstances)
        self.testing = Testing(host, self._buffers, self.circumstances, active=testing)
        """Whether the application runs as the factory's test code."""
        rcc_base = next(peripheral.base for peripheral in host.board.peripherals if peripheral.name == "RCC")
        self._system = System(host, self._abi, self.circumstances, device_id, rcc_base)
        self.settings = Wifi(host.memory, self._abi)
        """What the kernel keeps without power."""
        self._fast_interrupts = FastInterrupts(host, self._handles)
        self._system_notifications = SystemNotifications(self._abi, self._handles)
        self._notifications = Notifications(
            host,
            self._abi,
            self._handles,
            self._buffers,
            self._fast_interrupts.holds,
        )
        self.network = Network(host, self._abi, self._handles, self.circumstances, policy, self._network_changed)
        """Whether the device is online; its link is the world's to set."""
        self.channels = Channels(host, self._abi, self._handles, self._buffers, self.network)
        """Where what the world sends arrives."""
        families: list[object] = [
            self._logging,
            self.testing,
            self._system,
            self._fast_interrupts,
            self._system_notifications,
            self._notifications,
            self.network,
            self.channels,
            Streams(self.channels),
            Http(self.channels),
            ConfigFetch(self.channels),
            Mqtt(self.channels),
            Power(host, self._abi, self.circumstances, self.network),
            ExternalFlash(host, self._abi, self._handles, flash),
            self.settings,
            StructTest(host.memory, self._abi),
            Timekeeping(host, self.circumstances, wall_start_us),
        ]
        self._families = {type(family).__name__: family for family in families if hasattr(family, "STATE")}
        self._entries = _entry_points(self._abi, families)
        self._traced_calls = frozenset(self._abi.syscalls) if trace is True else trace or frozenset()
        self.gateways = tuple(self._entries)

    def start(self, wake_reason: str) -> None:
        """Forget everything of the application's last life."""
        self.stop()
        self._logging.start()
        self.testing.start()
        self._fast_interrupts.start()
        self._system.start(wake_reason)
        self.network.start()
        self._logging.connected(self.network.online)

    def stop(self) -> None:
        """Let nothing reach the application any more: its life is over, and the next has not begun."""
        self.channels.stop()
        self.network.stop()
        self._notifications.stop()
        self._fast_interrupts.stop()
        self._handles.clear()
        self._buffers.clear()

    def _network_changed(self) -> None:
        self._system_notifications.happen("NETWORK")
        self._logging.connected(self.network.online)

    @property
    def system_sources(self) -> list[str]:
        """The sources of system events."""
        return self._system_notifications.sources

    @property
    def wake_reasons(self) -> list[str]:
        """What an application can be started for: `start` takes these."""
        prefix = "MV_WAKEREASON_"
        return [name.removeprefix(prefix) for name in self._abi.enums["MvWakeReason"].members]

    def system_event(self, source: str) -> None:
        """Let the event of a system source happen, "NETWORK" or "UPDATE": the application hears of it if it listens."""
        self._system_notifications.happen(source)

    def stop_hung_application(self) -> None:
        """Act as if an interrupt of the application had hung or flooded: fast interrupts go off, and shortly after the
        application starts anew."""
        self._fast_interrupts.stop_application()

    def call(self) -> None:
        """Answer the call the core stopped at."""
        address, *registers = self._host.core.gateway_call()
        entry = self._entries[address]
        answer = self._traced if entry.syscall.name in self._traced_calls else self._answered
        self._host.core.gateway_return(answer(entry, registers))

    def _traced(self, entry: _Entry, registers: Sequence[int]) -> int:
        """Answer the call, and tell it decoded."""
        read, time_us = self._host.memory.read, self._host.time_us
        caller = self._host.core.registers().lr & ~1
        call = decode_call(entry.syscall, registers, read)
        status = self._answered(entry, registers)
        result = decode_result(entry.syscall, registers, status, read)
        self._host.tell(SystemCall(time_us, call, result, caller))
        return status

    def _answered(self, entry: _Entry, registers: Sequence[int]) -> int:
        """Answer the call and return its status.

        The order of the checks is documented for the two log calls and inferred for the rest: interrupt context,
        pointers, then what the call itself looks at.
        """
        try:
            if entry.thread_only and self._host.core.registers().exception:
                raise Refused("UNAVAILABLE")
            if entry.before_pointers is not None:
                entry.before_pointers(registers)
            arguments = self._checked(entry.arguments, registers)
            entry.answer(*arguments)
        except Refused as refusal:
            return self._statuses["MV_STATUS_" + refusal.status]
        return self._statuses["MV_STATUS_OKAY"]

    def _checked(self, arguments: Sequence[Argument], registers: Sequence[int]) -> list[int | GuestPointer]:
        """Turn register values into arguments, every pointer proven."""
        memory = self._host.memory
        found: list[int | GuestPointer] = []
        for argument in arguments:
            value = registers[argument.register] & argument.mask
            if argument.pointer:
                length = argument.length(registers)
                if length and not memory.allows(value, length, write=argument.needs_write):
                    raise Refused("PARAMETERFAULT")
                found.append(GuestPointer(memory, value, length))
            else:
                found.append(value)
        return found


def _entry_points(abi: Abi, families: Sequence[object]) -> dict[int, _Entry]:
    """Join the database's calls with the methods that answer them. Raises `KeyError` unless it is one for each."""
    found: dict[str, tuple[Callable[..., None], Callable[[Sequence[int]], None] | None]] = {}
    for family in families:
        for attribute in vars(type(family)).values():
            call = getattr(attribute, "answers", None)
            if call is not None:
                guard: Guard | None = attribute.before_pointers
                found[call] = (attribute.__get__(family), None if guard is None else guard.__get__(family))
    if found.keys() != abi.syscalls.keys():
        raise KeyError(f"not in the database, or without an answer: {sorted(found.keys() ^ abi.syscalls.keys())}")
    return {
        address: _Entry(syscall, answer, guard, syscall.thread_only, arguments_of(syscall))
        for address, syscall in abi.by_address.items()
        for answer, guard in [found[syscall.name]]
    }


def call_families() -> dict[str, frozenset[str]]:
    """Return the names of the calls that are answered, by family: the file that answers them."""
    found: dict[str, set[str]] = {}
    for family in FAMILIES:
        name = family.__module__.rpartition(".")[2].replace("_", "-")
        calls = {call for attribute in vars(family).values() if (call := getattr(attribute, "answers", None))}
        found.setdefault(name, set()).update(calls)
    return {name: frozenset(calls) for name, calls in found.items()}
