"""What the agent tells: events as they happen, and how it stands."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mvsdk.bundle import Image, ManifestOptions
from mvsdk.update.errors import Refusal
from mvsdk.update.state import Method, Phase


class Event(enum.Enum):
    """What happened."""

    OFFERED = "offered"
    REFUSED = "refused"
    FETCHING = "fetching"
    """Another layer is being brought in; the text says which and how."""
    SERVER_TROUBLE = "server-trouble"
    ABANDONED = "abandoned"
    STAGED = "staged"
    """The bundle is whole and verified: raise UPDATEDOWNLOADED."""
    FORCED = "forced"
    """The application did not agree in time. For the log and the audit."""
    INSTALLING = "installing"
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    REVERTING = "reverting"
    REVERTED = "reverted"
    RESTORING = "restoring"
    """Internal flash was not what it should be and is written anew from the installed bundle."""
    KEYS_CHANGED = "keys-changed"
    NO_APPLICATION = "no-application"
    TESTING = "testing"
    """The factory's test code was installed."""
    TEST_PASSED = "test-passed"
    TEST_FAILED = "test-failed"
    """The text says with which status."""


@dataclass(frozen=True, slots=True)
class Report:
    """An event, and for people what there is to say about it.

    `about` is the SHA-256 of the manifest of the bundle that it concerns, empty where it is about the device itself or
    its keys. REFUSED says by a code too why.
    """

    event: Event
    text: str = ""
    about: bytes = b""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What may be executed: read back from internal flash, and verified against a manifest with good signatures.

    `newly_installed` tells the first start after an installation, for the wake reason. `manifest_hash` is the SHA-256
    of the manifest. `testing` says that it is the factory's test code, and runs as such.
    """

    slot: int
    image: Image
    options: ManifestOptions
    manifest_hash: bytes
    newly_installed: bool = False
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How the agent stands. `done` and `size` are bytes of the layer, or patch, that is coming in by `method`.

    `fetched` are all bytes of this bundle that came over the network since the device is up, `expected` those that are
    known to come, `reused` those that it had already; `delta` says whether any of it came as a patch.
    """

    phase: Phase
    layer: int
    layers: int
    method: Method
    done: int
    size: int
    fetched: int
    expected: int
    reused: int
    delta: bool
    reason: str
    """Why the last update came to nothing, or why nothing goes on; empty when all is well."""
