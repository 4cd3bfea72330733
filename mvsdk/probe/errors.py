"""What can go wrong with a debug probe.

ProbeError
├── PyocdMissingError    pyOCD is not installed
├── NoProbeError         no probe is connected, or none of this name
├── ManyProbesError      several would do, and nobody said which one
├── WrongTargetError     the chip behind the probe is not the one the bundle is for
├── ProtectedError       the chip is protected; it would have to be erased
├── RangeError           an address or an image lies where the chip has nothing of the kind
├── NoLogError           the board behind a probe has no log that could be followed
└── ProbeFailedError     the probe, or the chip, does not do what it is asked
"""

from mvsdk.errors import ProbeError


class PyocdMissingError(ProbeError):
    """pyOCD is not installed."""

    def __init__(self) -> None:
        super().__init__("pyOCD is not installed, and without it no probe can be used", "pip install 'mvsdk[probe]'")


class NoProbeError(ProbeError):
    """No probe is connected, or none of this name."""


class ManyProbesError(ProbeError):
    """Several probes would do, and nobody said which one."""


class WrongTargetError(ProbeError):
    """The chip behind the probe is not the one the bundle is for."""


class ProtectedError(ProbeError):
    """The chip is protected: it would have to be erased, and nobody asked for that."""


class RangeError(ProbeError):
    """An address or an image lies where the chip has nothing of the kind."""


class NoLogError(ProbeError):
    """The board behind a probe has no log that could be followed."""


class ProbeFailedError(ProbeError):
    """The probe, or the chip behind it, does not do what it is asked."""
