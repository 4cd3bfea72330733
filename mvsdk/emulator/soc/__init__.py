"""The STM32U585 around the processor, one file per peripheral.

`PeripheralBus` finds the peripheral that owns an address; a register nobody models reads 0, forgets what is written,
and is told once, never silently swallowed. The chip knows no kernel and no system call.
"""

from mvsdk.emulator.soc.bus import Peripheral, PeripheralBus

__all__ = ["Peripheral", "PeripheralBus"]
