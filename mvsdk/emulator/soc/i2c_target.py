"""An I2C bus with the chip as target: a controller outside addresses it, writes and reads (RM0456, 65.4.8).

The clock is stretched wherever software has to do something: until ADDR is cleared, until RXDR is read, until TXDR is
written. A transfer that finds the bus busy, or no address that matches, is refused and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterFile
from mvsdk.emulator.soc.wiring import Alarm, Wiring

PE, GCEN = 1 << 0, 1 << 19
TXE, TXIS, RXNE, ADDR, NACKF, STOPF, BUSY, DIR = (1 << bit for bit in (0, 1, 2, 3, 4, 5, 15, 16))
NACK = 1 << 15
_ADDCODE = 0x7F << 17
_OA1MODE, _OAEN = 1 << 10, 1 << 15
_BITS_OF_A_BYTE = 9


@dataclass(slots=True)
class I2cTransfer:
    """What a controller outside does: write bytes, read some after a repeated start, stop; either may be none.

    The device's time decides when it is over: `done` says so, and the other results are of use then.
    """

    address: int
    """Seven bits; 0 is the general call."""
    data: bytes = b""
    """What it writes."""
    read: int = 0
    """How many bytes it reads."""
    hz: int = 100_000
    """The speed of its clock."""
    done: bool = False
    acknowledged: bool = False
    """Whether the address was acknowledged every time."""
    written: int = 0
    """How many bytes were acknowledged."""
    received: list[int] = field(default_factory=list)


class I2cTarget:
    """The target's side of one bus, working on the registers of the block it belongs to; `settle` is called whenever
    they have changed.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_transfer", "_moving", "_step", "_shift")

    def __init__(self, wiring: Wiring, registers: RegisterFile, settle: Callable[[], None]) -> None:
        self._wiring = wiring
        self._registers = registers
        self._settle = settle
        self._transfer: I2cTransfer | None = None
        self._moving = Alarm(wiring, self._moved)
        self._step = ""
        self._shift = 0

    @property
    def busy(self) -> bool:
        """Whether a controller outside has the bus."""
        return self._transfer is not None

    @property
    def moving(self) -> bool:
        """Whether something is on its way, instead of waiting for software."""
        return self._moving.due is not None

    def begin(self, transfer: I2cTransfer) -> None:
        """Let a transfer begin; one that finds the bus busy ends at once, unacknowledged."""
        if self.busy or self._registers["ISR"] & BUSY:
            transfer.done = True
            return
        self._transfer = transfer
        self._after(1 + _BITS_OF_A_BYTE, "read address" if not transfer.data and transfer.read else "address")

    def release(self) -> None:
        """Let go of the bus."""
        self._moving.set(None)
        if self._transfer is not None:
            self._transfer.done = True
            self._transfer = None

    def go_on(self) -> None:
        """Hear that software has served the bus."""
        if self._transfer is None or self.moving or self._registers["ISR"] & ADDR:
            return
        if self._registers["ISR"] & DIR:
            self._send()
        elif not self._registers["ISR"] & RXNE:
            self._receive()

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _after(self, bits: int, step: str) -> None:
        assert self._transfer is not None  # noqa: S101 - only called during one
        self._step = step
        cycles = bits * self._wiring.clocks.sysclk // max(1, self._transfer.hz)
        self._moving.set(self._wiring.cycle + max(1, cycles))

    def _moved(self, _: int) -> None:
        transfer = self._transfer
        assert transfer is not None  # noqa: S101 - the alarm is taken back with it
        match self._step:
            case "address":
                self._address(transfer, reading=False)
            case "read address":
                self._address(transfer, reading=True)
            case "byte in":
                self._take(transfer)
            case "byte out":
                self._give(transfer)
            case _:
                self._stop()
        self._settle()

    def _address(self, transfer: I2cTransfer, *, reading: bool) -> None:
        if not self._matches(transfer.address):
            transfer.acknowledged = False
            self._stop()
            return
        transfer.acknowledged = True
        status = self._registers["ISR"] & ~(DIR | _ADDCODE) | ADDR | BUSY
        self._registers["ISR"] = status | (DIR if reading else 0) | (transfer.address & 0x7F) << 17

    def _matches(self, address: int) -> bool:
        if not self._registers["CR1"] & PE:
            return False
        first, second = self._registers["OAR1"], self._registers["OAR2"]
        if first & _OAEN and not first & _OA1MODE and first >> 1 & 0x7F == address:
            return True
        if address == 0:
            return bool(self._registers["CR1"] & GCEN)
        masked = second >> 8 & 7
        ignored = 0x7F if masked == 7 else (1 << masked) - 1
        return bool(second & _OAEN) and not (second >> 1 ^ address) & 0x7F & ~ignored

    def _receive(self) -> None:
        transfer = self._transfer
        assert transfer is not None  # noqa: S101 - only called during one
        if transfer.written < len(transfer.data):
            self._after(_BITS_OF_A_BYTE, "byte in")
        elif transfer.read:
            self._after(1 + _BITS_OF_A_BYTE, "read address")
        else:
            self._after(1, "stop")

    def _take(self, transfer: I2cTransfer) -> None:
        """A byte has come; it is refused if software asked for that."""
        if self._registers["CR2"] & NACK:
            self._registers["CR2"] &= ~NACK
            self._after(1, "stop")
            return
        self._registers["RXDR"] = transfer.data[transfer.written]
        transfer.written += 1
        self._registers["ISR"] |= RXNE

    def _send(self) -> None:
        """Move a byte out of TXDR, and ask for the next."""
        status = self._registers["ISR"]
        if not status & TXE:
            self._shift = self._registers["TXDR"]
            self._after(_BITS_OF_A_BYTE, "byte out")
        self._registers["ISR"] = status | TXE | TXIS

    def _give(self, transfer: I2cTransfer) -> None:
        transfer.received.append(self._shift)
        if len(transfer.received) == transfer.read:
            self._registers["ISR"] = self._registers["ISR"] & ~TXIS | NACKF
            self._after(1, "stop")
        else:
            self._send()

    def _stop(self) -> None:
        transfer, self._transfer = self._transfer, None
        assert transfer is not None  # noqa: S101 - only called during one
        transfer.done = True
        status = self._registers["ISR"]
        if status & BUSY:
            self._registers["ISR"] = status & ~(BUSY | TXIS) | STOPF
