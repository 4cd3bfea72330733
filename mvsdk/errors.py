"""The root of every error a user can meet.

    MvsdkError
    ├── AbiError            abi:       the system-call database contradicts itself
    ├── BoardError          boards:    no such board, or its description is wrong
    ├── KeyStoreError       keys:      a key cannot be found, read, unlocked or used
    ├── FlashError          flash_memory: the flash's rules are broken, or it cannot be read
    ├── BundleError         bundle:    an image, manifest or bundle is not what it should be
    ├── UpdateError         update:    an update is refused, or cannot go on
    ├── ProjectError        project:   scaffold, tool chain and build
    ├── EmulatorError       emulator:  a device cannot be made or run
    ├── DebugPortError      debug_port: an emulated device cannot be debugged
    ├── ProbeError          probe:     a debug probe, or the chip behind it, does not do what it is asked
    ├── CloudError          cloud:     the local cloud cannot be started, reached, or do what it is asked
    └── OutputError         files:     a file cannot be written

Leaves live beside the code that raises them, in each package's `errors.py`.
A guest's own mistakes are not errors of ours: they are statuses it is given, or faults that stop it.
"""


class MvsdkError(Exception):
    """Something a user can mend.

    `what` says what happened, with the value that was wrong; `remedy` says what to do about it.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class AbiError(MvsdkError):
    """The system-call database contradicts itself; the message names file and line."""


class BoardError(MvsdkError):
    """A board is unknown or its description is wrong."""


class KeyStoreError(MvsdkError):
    """A key cannot be found, read, unlocked or used."""


class FlashError(MvsdkError):
    """A flash memory's rules are broken, or it cannot be read."""


class BundleError(MvsdkError):
    """An image, manifest or bundle is not what it should be."""


class UpdateError(MvsdkError):
    """An update is refused, or cannot go on."""


class ProjectError(MvsdkError):
    """A project cannot be made, found, configured or built."""


class EmulatorError(MvsdkError):
    """An emulated device cannot be made or run."""


class DebugPortError(MvsdkError):
    """An emulated device cannot be debugged."""


class ProbeError(MvsdkError):
    """A debug probe, or the chip behind it, does not do what it is asked."""


class CloudError(MvsdkError):
    """The local cloud cannot be started, reached, or do what it is asked."""
