"""Bringing up a device that keeps its application: what it was given by hand, and what it has made of that since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mvsdk.bundle import UnverifiedBundle
from mvsdk.emulator.device_directory import DeviceDirectory
from mvsdk.emulator.errors import NoApplicationError
from mvsdk.emulator.updating.updater import Updater
from mvsdk.keys import PublicKey
from mvsdk.update import Application, KeySet
from mvsdk.update.key_set import MAX_KEYS


def factory_keys(trusted: Iterable[PublicKey]) -> KeySet:
    """Return the keys that a device trusts which has not been told otherwise. Raises `NoApplicationError` for none, or
    for more than it holds."""
    keys = tuple({key.id: key for key in trusted}.values())
    if not 0 < len(keys) <= MAX_KEYS:
        raise NoApplicationError(
            f"{len(keys)} keys are trusted here; a device holds 1 to {MAX_KEYS}",
            "keep fewer in the key store (mvsdk keys list), or name another one with MVSDK_HOME",
        )
    return KeySet(keys)


def bring_up(updater: Updater, directory: DeviceDirectory, bundle: bytes | None, *, again: bool = False) -> Application:
    """Start a device, with a bundle put on it first if that is another one than it has, and than was put there last.

    So a device that has updated itself keeps what it has when it is started in the same way again; with `again` the
    bundle is put there all the same. Raises `NoApplicationError`, and what refuses a bundle.
    """
    if bundle is not None:
        manifest = UnverifiedBundle.parse(bundle).envelope.raw
        given = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        if again or given not in (directory.flashed, updater.confirmed):
            updater.flash(bundle)
        directory.note_flashed(given)
    return updater.start()
