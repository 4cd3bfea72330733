"""A kernel to call from a test: a device whose guest is a script."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator

from mvsdk.abi import load as load_abi
from mvsdk.boards import load as load_board
from mvsdk.bundle import Image
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event
from mvsdk.testing import Call, ScriptedCore, Step

ABI = load_abi("microvisor")
BOARD = load_board("stm32u585")
RAM, FLASH = BOARD.ram.base, BOARD.flash.base
PLAUSIBLE = Image(struct.pack("<II", BOARD.ram.end, FLASH + 0x41).ljust(0x80, b"\0"))
STATUS = ABI.status.members
Guest = Generator[Step, int, None]


class Kernel:
    """Runs scripts against a fresh device and keeps what it told. `prepare` sees the device before it runs."""

    def __init__(
        self,
        script: object,
        *,
        seed: int = 0,
        trace: bool = False,
        until_us: int | None = 1_000_000,
        testing: bool = False,
        restart_policy: RestartPolicy | None = None,
        prepare: Callable[[Device], None] = lambda device: None,
    ) -> None:
        self.events: list[Event] = []
        self.core = ScriptedCore(script)  # type: ignore[arg-type]
        self.device = Device(
            BOARD,
            PLAUSIBLE,
            self.core,
            seed=seed,
            testing=testing,
            restart_policy=restart_policy,
            trace_calls=trace,
            observers=[self.events.append],
        )
        prepare(self.device)
        self.end = self.device.run(until_us)


def call(name: str, *arguments: int) -> Call:
    """Name a call instead of its address."""
    return Call(ABI.syscalls[name].address, *arguments)


def status_name(status: int) -> str:
    """Return a status' name without the prefix."""
    name = ABI.status.name_of(status)
    assert name is not None
    return name.removeprefix("MV_STATUS_")


def word(core: ScriptedCore, address: int) -> int:
    """Read a word of guest memory."""
    return int.from_bytes(core.read_memory(address, 4), "little")


def one_call(
    name: str,
    *arguments: int,
    memory: dict[int, bytes] | None = None,
    exception: int = 0,
    testing: bool = False,
    prepare: Callable[[Device], None] = lambda device: None,
) -> str:
    """Make one call on a fresh device and return the name of its status, without the prefix."""
    found: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.exception = exception
        for address, data in (memory or {}).items():
            core.write_memory(address, data)
        found.append((yield call(name, *arguments)))

    Kernel(guest, testing=testing, prepare=prepare)
    return status_name(found[0])


def after_us(device: Device, delay: int, action: Callable[[], object]) -> None:
    """Let something happen around the application, `delay` microseconds from now."""

    def ring(cycle: int) -> None:
        action()

    device.alarm(ring).set(device.cycle_after(delay))


def words(*values: int) -> bytes:
    """Pack 32-bit words as the guest stores them."""
    return struct.pack(f"<{len(values)}I", *values)
