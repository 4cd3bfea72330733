"""What peripherals ask of the DMA controller: request lines, each with a name such as "USART2_RX" or "TIM2_UP".

A line is a level: high while the peripheral wants data moved. A peripheral that lowers its line by itself when its data
register is served calls `set`; one that asks once for each event, as timers do, calls `pulse`, and the controller
lowers the line when it serves it. Numbers and names are those of `requests.csv` (RM0456, chapter 17, "GPDMA1 requests";
the same as in the vendor's HAL); a name that is not in the table goes nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar

from mvsdk.emulator.soc.registers import rows


@cache
def request_names() -> Mapping[int, str]:
    """Return the names of the request lines by the numbers that CTR2.REQSEL selects."""
    return {int(row["number"]): row["request"] for row in rows("requests")}


class DmaRequests:
    """All request lines of the chip. `listen` names who hears of a line that rises; there is one controller."""

    STATE: ClassVar[tuple[str, ...]] = ("_pulses", "_raised")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_listener",)

    def __init__(self) -> None:
        self._raised: dict[str, None] = {}
        self._pulses: dict[str, None] = {}
        self._listener: Callable[[str], None] | None = None

    def listen(self, raised: Callable[[str], None]) -> None:
        """Let `raised(name)` be called for every line that goes high."""
        self._listener = raised

    def set(self, name: str, level: bool) -> None:
        """Drive a line. A low level also takes back a pulse that has not been served."""
        if not level:
            self._raised.pop(name, None)
            self._pulses.pop(name, None)
        elif name not in self._raised:
            self._raised[name] = None
            self._tell(name)

    def pulse(self, name: str) -> None:
        """Ask for one transfer. Asking again before it has been served asks for no second one."""
        if name not in self._pulses:
            self._pulses[name] = None
            self._tell(name)

    def level(self, name: str) -> bool:
        """Say whether a line is high."""
        return name in self._raised or name in self._pulses

    def served(self, name: str) -> None:
        """Hear from the controller that it has begun to serve a line: a pulse is over."""
        self._pulses.pop(name, None)

    def reset(self) -> None:
        """Lower every line."""
        self._raised.clear()
        self._pulses.clear()

    def _tell(self, name: str) -> None:
        if self._listener is not None:
            self._listener(name)
