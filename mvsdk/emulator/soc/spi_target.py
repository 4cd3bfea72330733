"""An SPI with the chip as target: a controller outside selects it and clocks bytes through it (RM0456, chapter 68).

The controller outside does not wait: a frame that finds nothing to send is an underrun, one that finds no room is lost.
A chip that is not selected, not enabled or a controller itself leaves the line alone, which reads ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from mvsdk.emulator.events import SpiTransferEnded
from mvsdk.emulator.soc.wiring import Alarm, Wiring


@dataclass(slots=True)
class SpiTransfer:
    """What a controller outside does: exchange bytes while it selects the chip.

    A frame of more than eight bits is several bytes, the most significant on the line first; one that does not fill
    them is in their lower bits. Bytes behind the last whole frame are not clocked. The device's time decides when it is
    over: `done` says so, and `received` is of use then.
    """

    data: bytes
    hz: int = 1_000_000
    done: bool = False
    received: list[int] = field(default_factory=list)


class OutsideController:
    """The other side of one SPI. `frame_bits` says how long the chip's next frame is, `exchange` clocks a frame through
    the chip, `settle` is called whenever a transfer has begun or ended."""

    STATE: ClassVar[tuple[str, ...]] = ("_transfer", "_clocking", "_bits")

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        frame_bits: Callable[[], int],
        exchange: Callable[[int, int], int],
        settle: Callable[[], None],
    ) -> None:
        self._name = name
        self._wiring = wiring
        self._frame_bits = frame_bits
        self._exchange = exchange
        self._settle = settle
        self._transfer: SpiTransfer | None = None
        self._clocking = Alarm(wiring, self._clocked)
        self._bits = 8

    @property
    def busy(self) -> bool:
        """Whether it has the chip selected."""
        return self._transfer is not None

    def begin(self, transfer: SpiTransfer) -> None:
        """Let a transfer begin; one that finds another still going on ends at once."""
        if self.busy:
            transfer.done = True
            self._tell(transfer)
            return
        self._transfer = transfer
        self._settle()
        self._next(transfer, self._wiring.cycle)

    def _next(self, transfer: SpiTransfer, cycle: int) -> None:
        """Clock the next whole frame, or end."""
        self._bits = self._frame_bits()
        if len(transfer.received) + self._frame_bytes() > len(transfer.data):
            transfer.done, self._transfer = True, None
            self._tell(transfer)
            self._settle()
        else:
            self._clocking.set(cycle + max(1, self._bits * self._wiring.clocks.sysclk // max(1, transfer.hz)))

    def _frame_bytes(self) -> int:
        return -(-self._bits // 8)

    def _clocked(self, cycle: int) -> None:
        transfer = self._transfer
        assert transfer is not None  # noqa: S101 - the alarm is only set during one
        start, size = len(transfer.received), self._frame_bytes()
        mask = (1 << self._bits) - 1
        value = int.from_bytes(transfer.data[start : start + size], "big") & mask
        # The chip may be set to longer frames than the one that was begun.
        transfer.received += (self._exchange(value, self._bits) & mask).to_bytes(size, "big")
        self._next(transfer, cycle)

    def _tell(self, transfer: SpiTransfer) -> None:
        self._wiring.tell(SpiTransferEnded(self._wiring.time_us, self._name, tuple(transfer.received)))
