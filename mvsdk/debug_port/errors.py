"""What can keep a debugger from a device.

DebugPortError
├── NoSuchDeviceError   no running device has this name
├── ConnectionLostError the device does not answer, or no longer
└── AccessError         nothing answers at an address, or an access cannot be made
"""

from mvsdk.errors import DebugPortError


class NoSuchDeviceError(DebugPortError):
    """No running device has this name."""


class ConnectionLostError(DebugPortError):
    """The device does not answer, or no longer; or it refuses this debugger."""


class AccessError(DebugPortError):
    """Nothing answers at an address, or an access cannot be made."""
