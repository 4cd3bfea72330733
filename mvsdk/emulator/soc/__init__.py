"""The STM32U585 around the processor, one file per peripheral, its registers as a table beside it.

`Chip` builds them and puts them on the `PeripheralBus`, which finds the peripheral that owns an address; a register
nobody models reads 0, forgets what is written, and is told once, never silently swallowed. A peripheral knows the
device only as a `Wiring`. The chip knows no kernel and no system call.

The rule that must never break: what a peripheral shows at a cycle depends on what was done to it at which cycles, never
on when it was looked at.
"""

from mvsdk.emulator.soc.bus import Peripheral, PeripheralBus
from mvsdk.emulator.soc.chip import Chip
from mvsdk.emulator.soc.wiring import Wiring

__all__ = ["Chip", "Peripheral", "PeripheralBus", "Wiring"]
