"""What can go wrong with the processor itself, as opposed to with the guest that runs on it.

EmulatorError
└── EngineError     the execution engine refused something, or is not the one we know
"""

from mvsdk.errors import EmulatorError


class EngineError(EmulatorError):
    """The execution engine under the core refused a request or does not look as expected; a bug, or a wrong version."""
