"""What can keep a device from running.

EmulatorError
├── NotExecutableError  the image cannot be started: no stack, no reset vector
├── InputError          something cannot happen to this device, or be connected to it
├── UnsignedImageError  a bare image was to run without anybody saying that this is wanted
└── SymbolsMismatchError the ELF given for symbols is not the image that runs
"""

from mvsdk.errors import EmulatorError


class NotExecutableError(EmulatorError):
    """The image cannot be started: its vector table names no stack in RAM or no code in flash."""


class InputError(EmulatorError):
    """Something that cannot happen to this device was to happen to it, or to be connected to it."""


class UnsignedImageError(EmulatorError):
    """A bare image was to run, and nobody said that running unsigned code is wanted."""


class SymbolsMismatchError(EmulatorError):
    """The ELF given for symbols holds other bytes than the image that runs."""
