"""What the chip's backup battery keeps (RM0456, chapters 11, 63 and 64): RCC_BDCR, the real-time clock with its
calendar, and the tamper block with its backup registers.

Time of a device is virtual and stands while nothing runs it: the calendar goes on from where it stood.
"""

from __future__ import annotations

from mvsdk.emulator.saving import Loading, Plain, Saving
from mvsdk.emulator.soc.rcc import Rcc
from mvsdk.emulator.soc.registers import WORD, RegisterBlock
from mvsdk.emulator.soc.rtc import Rtc
from mvsdk.emulator.soc.tamp import Tamp


class BackupDomain:
    """The backup domain of one chip, as something that can be saved without the rest of it, and at any cycle."""

    def __init__(self, rcc: Rcc, rtc: Rtc, tamp: Tamp) -> None:
        self._rcc, self._rtc, self._tamp = rcc, rtc, tamp

    def saved_state(self, save: Saving) -> Plain:
        """Return registers by their names, and the calendar by its parts."""
        return {
            "RCC": {"BDCR": self._rcc.registers["BDCR"]},
            "RTC": _values(self._rtc),
            "TAMP": _values(self._tamp),
            "calendar": self._rtc.calendar,
        }

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take them; what is not named stays as it is."""
        if not isinstance(data, dict) or data.keys() - {"RCC", "RTC", "TAMP", "calendar"}:
            raise ValueError("the parts of the backup domain are RCC, RTC, TAMP and calendar")
        control = data.get("RCC", {})
        match control:
            case {"BDCR": int() as value, **rest} if 0 <= value <= WORD and not rest:
                self._rcc.restore_backup_control(value)
            case dict() if not control:
                pass
            case _:
                raise ValueError(f"{str(control)[:80]} is not what RCC keeps in the backup domain")
        _take(self._rtc, "RTC", data.get("RTC", {}))
        _take(self._tamp, "TAMP", data.get("TAMP", {}))
        if "calendar" in data:
            self._rtc.restore_calendar(data["calendar"])


def _values(block: RegisterBlock) -> Plain:
    return {name: block.registers[name] for name in block.registers}


def _take(block: RegisterBlock, name: str, values: Plain) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"the registers of {name} are not named")
    for register, value in values.items():
        if register not in block.registers or type(value) is not int or not 0 <= value <= WORD:
            raise ValueError(f"{name}.{register} = {value!r} is no register of the backup domain")
        block.registers[register] = value
