"""What the chip's backup battery keeps: the registers in `backup-domain.csv` (RM0456, chapters 11 and 64)."""

from __future__ import annotations

from collections.abc import Mapping

from mvsdk.emulator.saving import Loading, Plain, Saving
from mvsdk.emulator.soc.registers import WORD, RegisterBlock, rows


class BackupDomain:
    """The registers that outlive the loss of power, of those blocks that are modelled."""

    def __init__(self, blocks: Mapping[str, RegisterBlock]) -> None:
        self._registers = [
            (block, row["block"], row["register"])
            for row in rows("backup-domain")
            if (block := blocks.get(row["block"])) is not None and row["register"] in block.registers
        ]

    def saved_state(self, save: Saving) -> Plain:
        """Return the values by the registers' names."""
        return {f"{name}.{register}": block.registers[register] for block, name, register in self._registers}

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take values; a register that is not named keeps its own."""
        if not isinstance(data, dict):
            raise ValueError("the registers are not named")
        places = {f"{name}.{register}": (block, register) for block, name, register in self._registers}
        for name, value in data.items():
            if name not in places or type(value) is not int or not 0 <= value <= WORD:
                raise ValueError(f"{name} = {value!r} is no register of the backup domain")
            block, register = places[name]
            block.registers[register] = value
