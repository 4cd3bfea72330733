"""Power control (RM0456, chapter 10), as an application beside the kernel meets it.

What is asked for is there at once: voltage scales, supplies, the backup domain. Low-power modes belong to the kernel:
the application asks for them with mvPowerSave and mvDeepSleep, and its WFI is plain sleep whatever LPMS and SLEEPDEEP
say (inferred: SCR.SLEEPDEEPS keeps SLEEPDEEP for the secure side). Supply monitors never see a supply fail.
Wake-up pins set their flags in every mode and end a deep sleep. Their set-up and the flags outlive resets (inferred).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock, rows

STOPF, SBF = 1 << 1, 1 << 2
_REGSEL = 1 << 1
_VOS = 3 << 16
_MONITORS = 0xF << 24
"""SVMCR's four supply monitors; SVMSR's ready flags have the same places."""
_CSSF = 1
_CLEAR_ALL = 1 << 8
_KEPT = ("WUCR1", "WUCR2", "WUCR3", "WUSR", "SR")


@cache
def wake_up_pins() -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Return (number of the wake-up pin, its selection) for every port and pin that can wake."""
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in rows("pwr-wakeup-pins"):
        found.setdefault((row["port"], int(row["pin"])), []).append((int(row["number"]), int(row["selection"])))
    return found


class Pwr(RegisterBlock):
    """The block. `woken` is called when an enabled wake-up pin sees its edge."""

    STATE: ClassVar[tuple[str, ...]] = ("_levels",)

    def __init__(self, woken: Callable[[], None] = lambda: None) -> None:
        super().__init__("pwr")
        self._woken = woken
        self._levels: dict[tuple[str, int], bool] = {}

    def reset(self) -> None:
        """Forget everything but wake-up pins and flags."""
        kept = {name: self.registers[name] for name in _KEPT}
        super().reset()
        for name, value in kept.items():
            self.registers[name] = value

    def fetch(self, name: str) -> int:
        """Return a register; SVMSR shows that every supply asked for is ready."""
        if name != "SVMSR":
            return super().fetch(name)
        ready = self.registers["CR3"] & _REGSEL | self.registers["VOSR"] & _VOS | self.registers["SVMCR"] & _MONITORS
        return self.registers["SVMSR"] | ready

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register, or clear flags."""
        match name:
            case "SR" if bits & _CSSF:
                self.registers["SR"] = 0
            case "WUSCR":
                self.registers["WUSR"] &= 0 if bits & _CLEAR_ALL else ~bits
            case _:
                super().store(name, bits, mask)

    def slept(self, flag: int) -> None:
        """Show that a Stop or Standby mode has ended: `STOPF` or `SBF`."""
        self.registers["SR"] |= flag

    def pin_driven(self, port: str, pin: int, level: bool) -> None:
        """Hear of the level that is wired to a pin; nothing wired is low."""
        before = self._levels.get((port, pin), False)
        self._levels[port, pin] = level
        for number, selection in wake_up_pins().get((port, pin), ()) if level != before else ():
            bit = 1 << number - 1
            falls = bool(self.registers["WUCR2"] & bit)
            selected = self.registers["WUCR3"] >> 2 * (number - 1) & 3 == selection
            if self.registers["WUCR1"] & bit and selected and level != falls:
                self.registers["WUSR"] |= bit
                self._woken()
