"""What can keep a device from running.

EmulatorError
├── NotExecutableError  the image cannot be started: no stack, no reset vector
├── UnsignedImageError  a bare image was to run without anybody saying that this is wanted
├── InputError          a pin, button or bus device that is not there was to do something
├── SnapshotError       a saved device is damaged, or is of another board, image or version
└── SymbolsMismatchError the ELF given for symbols is not the image that runs
"""

from mvsdk.errors import EmulatorError


class NotExecutableError(EmulatorError):
    """The image cannot be started: its vector table names no stack in RAM or no code in flash."""


class UnsignedImageError(EmulatorError):
    """A bare image was to run, and nobody said that running unsigned code is wanted."""


class SymbolsMismatchError(EmulatorError):
    """The ELF given for symbols holds other bytes than the image that runs."""


class SnapshotError(EmulatorError):
    """A saved device cannot be loaded: it is damaged, or of another board, image or version."""


class InputError(EmulatorError):
    """Something that cannot happen to this device was to happen to it: a pin, button or device it does not have."""
