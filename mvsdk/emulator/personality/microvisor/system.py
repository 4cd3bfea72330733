"""The device itself: its name, its registers, its LED, why it woke and how it starts again."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.events import LedChanged
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances

DEVICE_ID_LENGTH = 34
SYSTEM_LED = "system"
RESTART_WAKE_REASON = "REMOTEAPPLICATIONRESTART"
"""What the application finds after its own mvRestart: the list has no reason of its own for it (inferred)."""


class System:
    """mvGetDeviceId, mvPeriphPeek32, mvPeriphPoke32, mvSystemLedEnable, mvGetWakeReason, mvRestart, mvNoOp."""

    STATE: ClassVar[tuple[str, ...]] = ("_wake_reason", "_led")

    def __init__(self, host: Host, abi: Abi, circumstances: Circumstances, device_id: str, rcc_base: int) -> None:
        self._host = host
        self._circumstances = circumstances
        self._wake_reasons = abi.enums["MvWakeReason"].members
        self._restart_modes = frozenset(abi.enums["MvRestartMode"].members.values())
        self._device_id = device_id.encode("ascii")
        self._rcc_base = rcc_base
        self._wake_reason = 0
        self._led = True

    def start(self, wake_reason: str) -> None:
        """Begin an application's life; the system LED is on until it says otherwise."""
        self._wake_reason = self._wake_reasons["MV_WAKEREASON_" + wake_reason]
        self._switch_led(True)

    @answers("mvNoOp")
    def no_op(self) -> None:
        """Do nothing, successfully."""

    @answers("mvGetDeviceId")
    def device_id(self, out: GuestPointer, length: int) -> None:
        """Hand out "UV" and 32 hex digits, without a terminator."""
        if length != DEVICE_ID_LENGTH:
            raise Refused("INVALIDBUFFERSIZE")
        out.write(self._device_id)

    @answers("mvPeriphPeek32")
    def peek(self, register: int, out: GuestPointer) -> None:
        """Read a register of a block that the kernel owns; of these only RCC is supported."""
        value = self._host.rcc.peek(register - self._rcc_base)
        if value is None:
            raise Refused("PERIPHERALACCESSFAULT")
        out.write_word(value)

    @answers("mvPeriphPoke32")
    def poke(self, register: int, mask: int, xor: int) -> None:
        """Change the bits of a register that the application may change; the others stay, without an error."""
        if not self._host.rcc.poke(register - self._rcc_base, mask, xor):
            raise Refused("PERIPHERALACCESSFAULT")

    @answers("mvSystemLedEnable")
    def led(self, enable: int) -> None:
        """Switch the kernel's own LED; reserved values count as on."""
        self._switch_led(enable != 0)

    def _switch_led(self, on: bool) -> None:
        if on != self._led:
            self._led = on
            self._host.tell(LedChanged(self._host.time_us, SYSTEM_LED, on))

    @answers("mvGetWakeReason")
    def wake_reason(self, out: GuestPointer) -> None:
        """Say why the application was started: one byte."""
        out.write_word(self._wake_reason)

    @answers("mvRestart")
    def restart(self, mode: int) -> None:
        """Start the application anew, or, if an update waits for that, its successor."""
        if mode not in self._restart_modes:
            raise Refused("PARAMETERFAULT")
        if self._circumstances.kernel_busy:
            raise Refused("MICROVISORBUSY")
        if self._circumstances.update_staged:
            self._host.give_way()
        else:
            self._host.restart(RESTART_WAKE_REASON)
