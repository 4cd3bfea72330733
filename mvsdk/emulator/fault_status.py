"""What a fault is about, in words: the bits of CFSR and HFSR (Armv8-M ARM, D1.2), from `core/fault-status.csv`."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mvsdk.emulator.core import Fault

MMARVALID, BFARVALID = 1 << 7, 1 << 15


@cache
def _bits() -> tuple[tuple[str, int, str], ...]:
    with files("mvsdk.emulator.core").joinpath("fault-status.csv").open(encoding="utf-8") as table:
        return tuple(
            (row["register"], int(row["bit"]), f"{row['name']}: {row['meaning']}") for row in csv.DictReader(table)
        )


def causes(fault: Fault) -> list[str]:
    """Say what is wrong, one sentence a set bit, with the address where the processor kept one."""
    values = {"CFSR": fault.cfsr, "HFSR": fault.hfsr}
    found = [text for register, bit, text in _bits() if values[register] >> bit & 1]
    if fault.cfsr & MMARVALID:
        found.append(f"at address 0x{fault.mmfar:08x}")
    if fault.cfsr & BFARVALID:
        found.append(f"at address 0x{fault.bfar:08x}")
    return found
