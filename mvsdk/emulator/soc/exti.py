"""EXTI: edges of pins become interrupts (RM0456, chapter 23).

Lines 0 to 15 belong to pins; a line listens to the pin of its number on the port that EXTICR names. Lines 16 and up,
from analogue parts that are not modelled, pend by software only and have no interrupt here. Events (EMR) are kept only.
The edges that a line is set to are pulses of trigger lines too, "EXTI_LINE0" and so on, whatever IMR says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.emulator.soc.wiring import InterruptLine, Wiring

PINS = 16
_CONFIGURABLE = 0x0061_FFFF
"""Lines with edges: the pins, 16, 21 and 22 (EXTI_LINE_x in the vendor's HAL)."""


class Exti(RegisterBlock):
    """The block. `interrupts` are the numbers of EXTI0 to EXTI15, `ports` the names of ports in EXTICR's order.

    `wishes_changed` is called when it may listen to other pins than before.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_lines",)
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_connected", "_pulses")

    def __init__(
        self,
        wiring: Wiring,
        interrupts: Sequence[int],
        ports: Sequence[str],
        triggers: TriggerLines,
        wishes_changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("exti")
        self._wishes_changed = wishes_changed
        self._triggers = triggers
        self._lines = [InterruptLine(wiring, interrupt) for interrupt in interrupts]
        self._ports = {port: number for number, port in enumerate(ports)}
        self._pulses = 0
        self._connected: dict[str, Callable[[int], None]] = {}

    def connect(self, port: str, listen: Callable[[int], None]) -> None:
        """Call `listen` with a mask of a port's pins whose edges matter, now and as often as that may have changed."""
        self._connected[port] = listen
        self._select()

    def reset(self) -> None:
        """Forget everything pending."""
        super().reset()
        self._select()
        self._settle()

    def pins_changed(self, port: str, changed: int, levels: int) -> None:
        """Hear of pins of a port: a mask of those that changed, and the levels of all."""
        for line in range(PINS):
            if changed >> line & 1 and self._selected(line) == self._ports[port]:
                self._edge(1 << line, rising=bool(levels >> line & 1))
        self._settle()
        self._put_out_triggers()

    def _select(self) -> None:
        """Say which pins to listen to: those of lines with an edge selected."""
        triggers = self.registers["RTSR1"] | self.registers["FTSR1"]
        lines = [line for line in range(PINS) if triggers >> line & 1]
        for port, listen in self._connected.items():
            listen(sum(1 << line for line in lines if self._selected(line) == self._ports[port]))

    def listens(self, port: str, pin: int) -> bool:
        """Return whether edges of a pin trigger anything."""
        edges = (self.registers["RTSR1"] | self.registers["FTSR1"]) >> pin & 1
        return bool(edges) and self._selected(pin) == self._ports[port]

    def _selected(self, line: int) -> int:
        return self.registers[f"EXTICR{line // 4 + 1}"] >> 8 * (line % 4) & 0xFF

    def _edge(self, bit: int, *, rising: bool) -> None:
        trigger, pending = ("RTSR1", "RPR1") if rising else ("FTSR1", "FPR1")
        seen = bit & self.registers[trigger]
        self.registers[pending] |= seen
        self._pulses |= seen

    def _put_out_triggers(self) -> None:
        """Let the trigger lines pulse, once the interrupts have settled."""
        pulses, self._pulses = self._pulses, 0
        for line in range(PINS):
            if pulses >> line & 1:
                self._triggers.pulse(f"EXTI_LINE{line}")

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; software triggers pend as rising edges do."""
        match name:
            case "SWIER1":
                self.registers["RPR1"] |= bits & _CONFIGURABLE
                self._pulses |= bits & _CONFIGURABLE
            case "RPR1" | "FPR1":
                self.registers[name] &= ~bits
            case _:
                super().store(name, bits, mask)
                self._select()
                self._wishes_changed()
        self._settle()
        self._put_out_triggers()

    def _settle(self) -> None:
        raised = (self.registers["RPR1"] | self.registers["FPR1"]) & self.registers["IMR1"]
        for number, line in enumerate(self._lines):
            line.set(bool(raised >> number & 1))
