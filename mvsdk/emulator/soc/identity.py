"""What the factory left in the system memory: package, unique id, flash size (RM0456, chapter 76), calibration."""

from __future__ import annotations

from mvsdk.emulator.core import Core
from mvsdk.emulator.soc.analogue import calibration_values

_PAGE, _PAGE_SIZE = 0x0BFA_0000, 0x1000
PACKAGE, UNIQUE_ID, FLASH_SIZE = 0x0BFA_0500, 0x0BFA_0700, 0x0BFA_07A0
_LQFP144_SMPS = 0x0C
"""LL_UTILS_PACKAGETYPE of the vendor's HAL; inferred from the board's pins, which smaller packages do not have."""
_FLASH_KIB = 2048
UNIQUE_ID_LENGTH = 12


def place_identity(core: Core, unique_id: bytes) -> None:
    """Put the page in its place. `unique_id` is 12 bytes."""
    core.map_memory(_PAGE, _PAGE_SIZE, writable=False)
    core.write_memory(_PAGE, b"\xff" * _PAGE_SIZE)
    core.write_memory(PACKAGE, _LQFP144_SMPS.to_bytes(4, "little"))
    core.write_memory(UNIQUE_ID, unique_id[:UNIQUE_ID_LENGTH])
    for address, value in calibration_values().items():
        core.write_memory(address, value.to_bytes(2, "little"))
    core.write_memory(FLASH_SIZE, _FLASH_KIB.to_bytes(2, "little"))
