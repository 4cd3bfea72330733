"""What can keep a device from running.

EmulatorError
├── NotExecutableError  the image cannot be started: no stack, no reset vector
├── InputError          something cannot happen to this device, or be connected to it
├── UnsignedImageError  a bare image was to run without anybody saying that this is wanted
├── DeviceDirectoryError the folder of a device is damaged, or of another board or format
│   └── DeviceInUseError another process uses the folder
├── NoLinesError        the ELF has no debugging information, so there is no coverage
├── RecordingError      a recording is damaged, or is of another device
├── ScriptError         a device.toml says what cannot be
├── SnapshotError       a saved device is damaged, or is of another board, image or version
├── NetworkSettingError what an application is to meet on the network cannot be
├── NoApplicationError  a device with an update agent holds nothing that it may run
├── CloudIdentityError  the folder of a device does not say who it is to a cloud
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


class SnapshotError(EmulatorError):
    """A saved device cannot be loaded: it is damaged, or of another board, image or version."""


class DeviceDirectoryError(EmulatorError):
    """The folder of a device is damaged, of another board or format, or cannot be used."""


class DeviceInUseError(DeviceDirectoryError):
    """Another process uses the folder of a device."""


class RecordingError(EmulatorError):
    """A recording is damaged, of another device, or did not come out as it was recorded."""


class ScriptError(EmulatorError):
    """A file of scripted inputs says what cannot be; the message names file and line."""


class NetworkSettingError(EmulatorError):
    """What an application is to meet on the network cannot be: a link, a peer, an endpoint, a value."""


class CloudIdentityError(EmulatorError):
    """The folder of a device does not say who it is to a cloud."""


class NoApplicationError(EmulatorError):
    """The flash of a device holds no application that its update agent lets run."""


class NoLinesError(EmulatorError):
    """The ELF's debugging information is missing or damaged, so nobody knows which lines were executed."""
