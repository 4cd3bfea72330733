"""What can go wrong on the way to an update.

UpdateError
├── RefusedError         the device will not take this bundle or these keys; `refusal` says why as a code
├── VerificationError    what was read back from flash is not what its signed manifest says
├── PatchError           a patch is malformed, or made for something else
├── LayoutError          the external flash is too small
├── FactoryError         a factory image cannot be made of these bundles, or is none
├── ServerError          the server could not be asked, or gave no answer that is one
│   ├── UnreachableError    no connection, or it ended
│   ├── BusyError           come again later; `retry_after` says when, if it said so
│   ├── MissingError        it does not have, or no longer has, what was asked for
│   └── WrongAnswerError    what it says cannot be: sizes, ranges, counts
└── ProofError           a proof cannot be made of these bundles
"""

from __future__ import annotations

import enum

from mvsdk.errors import UpdateError


class Refusal(enum.Enum):
    """Why a device does not take something: a word, and as `code` the number that the cloud shows."""

    MALFORMED = "malformed", 10
    UNSIGNED = "unsigned", 11
    UNKNOWN_SIGNER = "unknown-signer", 12
    BAD_SIGNATURE = "bad-signature", 13
    TOO_FEW_SIGNERS = "too-few-signers", 14
    UNSUPPORTED = "unsupported", 15
    KERNEL_TOO_OLD = "kernel-too-old", 16
    ROLLBACK = "rollback", 17
    NO_SPACE = "no-space", 18
    FAILED_BEFORE = "failed-before", 19
    WRONG_SEQUENCE = "wrong-sequence", 20
    KEYS_IN_USE = "keys-in-use", 21

    code: int

    def __new__(cls, word: str, code: int) -> Refusal:
        """Make a member whose value is the word."""
        member = object.__new__(cls)
        member._value_, member.code = word, code
        return member


class RefusedError(UpdateError):
    """The device will not take this."""

    def __init__(self, refusal: Refusal, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.refusal = refusal


class VerificationError(UpdateError):
    """What was read back from flash is not what its signed manifest says."""


class PatchError(UpdateError):
    """A patch is malformed, or made for something else."""


class LayoutError(UpdateError):
    """The external flash is too small for what must be kept in it."""


class FactoryError(UpdateError):
    """A factory image cannot be made of these bundles, or is none."""


class ServerError(UpdateError):
    """The server could not be asked, or gave no answer that is one."""


class UnreachableError(ServerError):
    """There is no connection, or it ended."""


class BusyError(ServerError):
    """The server asks to come again later, after `retry_after` seconds if it says so (429, 503 and Retry-After)."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what, "the device tries again by itself")
        self.retry_after = retry_after


class MissingError(ServerError):
    """The server does not have what was asked for."""


class WrongAnswerError(ServerError):
    """What the server says cannot be, or contradicts what it said before."""


class ProofError(UpdateError):
    """A proof cannot be made of these bundles."""
