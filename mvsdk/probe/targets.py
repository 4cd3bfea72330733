"""The STM32U585 for pyOCD: what `stm32u585.toml` says, as a target class for each part.

It differs from any Cortex-M33 in its memory map, in keeping the debug link alive through Stop and Standby, and in its
option bytes, which it reads before it lets anybody write the flash.
"""

from __future__ import annotations

import functools
import logging
import tomllib
from importlib.resources import files
from typing import Any

from pyocd.core import exceptions
from pyocd.core.memory_map import DeviceRegion, FlashRegion, MemoryMap, RamRegion, RomRegion
from pyocd.coresight.coresight_target import CoreSightTarget
from pyocd.flash.flash import Flash
from pyocd.target import TARGET
from pyocd.target.pack.flash_algo import PackFlashAlgo

from mvsdk.probe.option_bytes import OPTR, OptionBytes
from mvsdk.resources import shared

_log = logging.getLogger(__name__)


@functools.cache
def chip() -> dict[str, Any]:
    """Return the chip's description."""
    return tomllib.loads(files("mvsdk.probe").joinpath("stm32u585.toml").read_text(encoding="utf-8"))


def register_targets() -> None:
    """Make the parts known to pyOCD; it has no entry point for that."""
    for part in chip()["parts"]:
        TARGET[part] = STM32U585


def target_of(board: str) -> str | None:
    """Return the part on a board of mvsdk; None for a board of something else."""
    return chip()["parts"][0] if board in chip()["boards"] else None


class GuardedFlash(Flash):
    """The flash of a chip whose option bytes may forbid writing it."""

    def init(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - pyOCD's own
        """Prepare an operation; raises pyOCD's `TargetError` for a protected chip."""
        refusal = self.target.option_bytes().refusal()
        if refusal is not None:
            raise exceptions.TargetError(f"{refusal[0]}; {refusal[1]}")
        super().init(*arguments, **options)


class STM32U585(CoreSightTarget):
    """An STM32U585xI: 2 MiB of flash in two banks, 784 KiB of RAM."""

    VENDOR = chip()["vendor"]
    PART_FAMILIES = (chip()["family"],)

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - pyOCD's Session
        super().__init__(session, memory_map())
        self._low_power: int | None = None

    def create_init_sequence(self) -> Any:  # noqa: ANN401 - pyOCD's CallSequence
        """Say what the option bytes are and stay awake, once the core is found."""
        sequence = super().create_init_sequence()
        sequence.insert_before("post_connect_hook", ("stay_awake", self._stay_awake))
        return sequence

    def disconnect(self, resume: bool = True) -> None:
        """Let the chip sleep as it did before, and leave."""
        if resume and self._low_power is not None:
            try:
                self.write32(chip()["dbgmcu"]["control"], self._low_power)
            except exceptions.TransferError as error:
                _log.warning("the low-power settings of DBGMCU could not be put back: %s", error)
            self._low_power = None
        super().disconnect(resume)

    def option_bytes(self) -> OptionBytes:
        """Read the option bytes."""
        return OptionBytes(self.read32(chip()["flash"]["registers"] + OPTR))

    def _stay_awake(self) -> None:
        control = chip()["dbgmcu"]["control"]
        try:
            self._low_power = self.read32(control)
            self.write32(control, self._low_power | chip()["dbgmcu"]["stay_awake"])
        except exceptions.TransferError as error:
            _log.warning("the debug link will not live through Stop and Standby: %s", error)


@functools.cache
def flash_algorithm() -> PackFlashAlgo:
    """Return the flash algorithm, as a board's support brings it."""
    return PackFlashAlgo(str(shared("board-support") / chip()["flash"]["algorithm"]))


def _algorithm_ram() -> RamRegion:
    region = next(region for region in chip()["region"] if region.get("default"))
    return RamRegion(start=region["base"], length=region["size"])


def memory_map() -> MemoryMap:
    """Return the memory map; regions come anew, because pyOCD keeps what it finds out in them."""
    return MemoryMap(*(_region(region) for region in chip()["region"]))


def _region(region: dict[str, Any]) -> Any:  # noqa: ANN401 - one of pyOCD's regions
    place = {"name": region["name"], "start": region["base"], "length": region["size"]}
    match region["kind"]:
        case "flash":
            flash, algorithm = chip()["flash"], flash_algorithm()
            return FlashRegion(
                **place,
                sector_size=flash["page"],
                page_size=algorithm.page_size,
                erased_byte_value=flash["erased"],
                is_boot_memory=region.get("boot", False),
                algo=algorithm.get_pyocd_flash_algo(algorithm.page_size, _algorithm_ram()),
                flash_class=GuardedFlash,
            )
        case "ram":
            return RamRegion(**place, is_default=region.get("default", False))
        case "alias":
            # Nothing is programmed through an alias, so one of flash is memory that can be read.
            kind = RomRegion if region["of"].startswith("bank") else RamRegion
            return kind(**place, alias=region["of"], is_default=False)
        case "rom":
            return RomRegion(**place)
        case _:
            return DeviceRegion(**place, access="rw")
