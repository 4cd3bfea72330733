"""A core's state as bytes, and its hash: the one place that says how the core is asked for them."""

from __future__ import annotations

import hashlib

from mvsdk.emulator.core import Core


def core_bytes(core: Core) -> bytes:
    """Return everything that decides the future of the guest."""
    return core.snapshot()


def put_core_bytes(core: Core, data: bytes) -> None:
    """Take it back. `ValueError` for bytes that are not those of a core with the same memory."""
    core.restore(data)


def core_hash(core: Core) -> str:
    """Return a hash of the same."""
    return hashlib.sha256(core.snapshot()).hexdigest()
