"""An I2C bus with the chip as target: a controller outside addresses it, writes and reads (RM0456, 65.4.8).

The clock is stretched wherever software has to do something: until ADDR is cleared, until RXDR is read, until TXDR is
written, and with slave byte control until NBYTES is written anew. With NOSTRETCH what comes too late is lost. A
transfer that finds the bus busy, or no address that matches, is refused and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from mvsdk.emulator.events import I2cTransferEnded
from mvsdk.emulator.soc.registers import RegisterFile
from mvsdk.emulator.soc.wiring import Alarm, Wiring

PE, SBC, NOSTRETCH, GCEN, SMBHEN, SMBDEN, ALERTEN, PECEN = (1 << bit for bit in (0, 16, 17, 19, 20, 21, 22, 23))
TXE, TXIS, RXNE, ADDR, NACKF, STOPF, TCR = (1 << bit for bit in (0, 1, 2, 3, 4, 5, 7))
BERR, OVR, PECERR, BUSY, DIR = (1 << bit for bit in (8, 10, 11, 15, 16))
NACK, RELOAD, PECBYTE = 1 << 15, 1 << 24, 1 << 26
_SMBUS_HOST, _SMBUS_ALERT, _SMBUS_DEFAULT = 0x08, 0x0C, 0x61
"""Addresses that SMBus reserves, and CR1 can enable."""
_PEC_POLYNOMIAL = 0x07
_ADDCODE = 0x7F << 17
_OA1MODE, _OAEN = 1 << 10, 1 << 15
_BITS_OF_A_BYTE = 9


def with_pec(code: int, data: bytes) -> int:
    """Return a packet error code with more bytes in it (System Management Bus specification 3.2, 6.4.1)."""
    for byte in data:
        code ^= byte
        for _ in range(8):
            code = (code << 1 ^ (_PEC_POLYNOMIAL if code & 0x80 else 0)) & 0xFF
    return code


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
    """The target's side of the bus `name`, working on the registers of the block it belongs to; `settle` is called
    whenever they have changed.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_transfer", "_moving", "_step", "_shift", "_left")

    def __init__(self, name: str, wiring: Wiring, registers: RegisterFile, settle: Callable[[], None]) -> None:
        self._name = name
        self._wiring = wiring
        self._registers = registers
        self._settle = settle
        self._transfer: I2cTransfer | None = None
        self._moving = Alarm(wiring, self._moved)
        self._step = ""
        self._shift = 0
        self._left = 0
        """With slave byte control, the bytes until software is asked again."""

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
            self._ended(transfer)
            return
        self._transfer = transfer
        self._registers["PECR"] = 0
        self._after(1 + _BITS_OF_A_BYTE, "read address" if not transfer.data and transfer.read else "address")

    def release(self) -> None:
        """Let go of the bus."""
        self._moving.set(None)
        if self._transfer is not None:
            transfer, self._transfer = self._transfer, None
            self._ended(transfer)

    def _ended(self, transfer: I2cTransfer) -> None:
        transfer.done = True
        self._wiring.tell(
            I2cTransferEnded(
                self._wiring.time_us,
                self._name,
                transfer.address,
                transfer.acknowledged,
                transfer.written,
                tuple(transfer.received),
            )
        )

    def counted(self) -> None:
        """Hear that CR2 has been written: with slave byte control NBYTES decides on the byte that waits."""
        if self._transfer is None or not self._registers["ISR"] & TCR or not self._count():
            return
        self._registers["ISR"] &= ~TCR
        self._left = self._count()
        if self._registers["CR2"] & NACK:
            self._transfer.written -= 1
            self._refuse()
        else:
            self.go_on()

    def go_on(self) -> None:
        """Hear that software has served the bus."""
        if self._transfer is None or self.moving or self._registers["ISR"] & TCR:
            return
        if self._registers["ISR"] & ADDR and self._stretches():
            return
        if self._registers["ISR"] & DIR:
            self._send()
        elif not self._registers["ISR"] & RXNE or not self._stretches():
            self._receive()

    def _stretches(self) -> bool:
        return not self._registers["CR1"] & NOSTRETCH

    def _count(self) -> int:
        return self._registers["CR2"] >> 16 & 0xFF

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
        self._registers["CR2"] &= ~NACK  # the vendor's driver leaves it set between transfers
        status = self._registers["ISR"] & ~(DIR | _ADDCODE) | ADDR | BUSY
        self._registers["ISR"] = status | (DIR if reading else 0) | (transfer.address & 0x7F) << 17
        self._check_byte(transfer.address << 1 & 0xFE | reading)
        self._left = 0
        if not self._stretches():
            self.go_on()

    def _matches(self, address: int) -> bool:
        if not self._registers["CR1"] & PE:
            return False
        first, second = self._registers["OAR1"], self._registers["OAR2"]
        if first & _OAEN and not first & _OA1MODE and first >> 1 & 0x7F == address:
            return True
        control = self._registers["CR1"]
        if address == 0:
            return bool(control & GCEN)
        if (address == _SMBUS_HOST and control & SMBHEN) or (address == _SMBUS_DEFAULT and control & SMBDEN):
            return True
        if address == _SMBUS_ALERT and control & ALERTEN and not control & SMBHEN:
            return True
        masked = second >> 8 & 7
        ignored = 0x7F if masked == 7 else (1 << masked) - 1
        return bool(second & _OAEN) and not (second >> 1 ^ address) & 0x7F & ~ignored

    def _receive(self) -> None:
        transfer = self._transfer
        assert transfer is not None  # noqa: S101 - only called during one
        if transfer.written < len(transfer.data):
            self._counts()
            self._after(_BITS_OF_A_BYTE, "byte in")
        elif transfer.read:
            self._after(1 + _BITS_OF_A_BYTE, "read address")
        else:
            self._after(1, "stop")

    def _take(self, transfer: I2cTransfer) -> None:
        """A byte has come; it is refused if software asked for that."""
        byte, last = transfer.data[transfer.written], self._left == 1
        late = self._registers["ISR"] & RXNE
        wrong = last and self._pec_wanted() and byte != self._registers["PECR"]
        self._registers["ISR"] |= (OVR if late else 0) | (PECERR if wrong else 0)
        counts = bool(self._left and self._registers["CR2"] & RELOAD)  # NACK is looked at once software has counted
        if late or (self._registers["CR2"] & NACK and not (last and counts)):
            self._refuse()
            return
        self._check_byte(byte)
        self._registers["RXDR"] = byte
        self._registers["ISR"] |= RXNE
        if wrong:
            self._refuse()
            return
        transfer.written += 1
        self._left = max(0, self._left - 1)
        if last and counts:
            self._registers["ISR"] |= TCR
        elif not self._stretches():
            self._receive()

    def _refuse(self) -> None:
        self._registers["CR2"] &= ~NACK
        self._after(1, "stop")

    def _counts(self) -> None:
        """Begin to count, where software has said how many bytes there are."""
        if self._registers["CR1"] & SBC and not self._left:
            self._left = self._count()

    def _pec_wanted(self) -> bool:
        return bool(self._registers["CR1"] & PECEN and self._registers["CR2"] & PECBYTE)

    def _check_byte(self, byte: int) -> None:
        if self._registers["CR1"] & PECEN:
            self._registers["PECR"] = with_pec(self._registers["PECR"], bytes((byte,)))

    def _send(self) -> None:
        """Move a byte out of TXDR, and ask for the next."""
        status = self._registers["ISR"]
        self._counts()
        if self._left == 1 and self._pec_wanted():
            self._put(self._registers["PECR"])
            return
        if not status & TXE:
            self._put(self._registers["TXDR"])
        elif not self._stretches():
            status |= OVR
            self._put(0xFF)
        self._registers["ISR"] = status | TXE | TXIS

    def _put(self, byte: int) -> None:
        """Shift a byte out."""
        self._shift = byte
        self._check_byte(byte)
        self._left = max(0, self._left - 1)
        self._after(_BITS_OF_A_BYTE, "byte out")

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
        self._ended(transfer)
        self._registers["CR2"] &= ~(PECBYTE | NACK)
        status = self._registers["ISR"]
        if status & BUSY:
            self._registers["ISR"] = status & ~(BUSY | TXIS) | STOPF
