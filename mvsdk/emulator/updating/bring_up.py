"""Bringing up a device that keeps its application: what it was given by the factory or by hand, and what it has made of
that since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mvsdk.bundle import UnverifiedBundle
from mvsdk.emulator.device_directory import DeviceDirectory
from mvsdk.emulator.errors import NoApplicationError
from mvsdk.emulator.updating import factory_image
from mvsdk.emulator.updating.memories import holds_applications
from mvsdk.emulator.updating.updater import Updater
from mvsdk.keys import PublicKey
from mvsdk.update import Application, FactoryError, KeySet
from mvsdk.update.key_set import MAX_KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from mvsdk.boards import Board


def factory_keys(trusted: Iterable[PublicKey]) -> KeySet:
    """Return the keys that a device trusts which has not been told otherwise. Raises `NoApplicationError` for none, or
    for more than it holds."""
    keys = tuple({key.id: key for key in trusted}.values())
    if not keys:
        raise NoApplicationError("no key is trusted here", "make one (mvsdk keys new NAME), or name one with --trust")
    if len(keys) > MAX_KEYS:
        raise NoApplicationError(
            f"{len(keys)} keys are trusted here; a device holds 1 to {MAX_KEYS}",
            "keep fewer in the key store (mvsdk keys list), or name another one with MVSDK_HOME",
        )
    return KeySet(keys)


def put_factory_image(
    directory: DeviceDirectory, board: Board, keys: KeySet, file: Path, *, again: bool = False
) -> None:
    """Put what is in a file on a device that trusts `keys`, whole or not at all.

    Raises `FactoryError` for a file that is no such image, and for a device that holds something, unless `again`.
    """
    data = factory_image.read(file, board)
    try:
        final, _ = factory_image.check(data, board, keys)
    except FactoryError as error:
        raise FactoryError(f"{file} cannot be put on this device: {error.what}", error.remedy) from error
    if holds_applications(directory.kernel_flash) and not again:
        raise FactoryError(
            f"{directory.path} is a device that holds applications already",
            "leave --factory-image out to run what it holds, or add --reflash to put the image there all the same",
        )
    directory.kernel_flash.fill(data)
    directory.note_flashed(f"sha256:{final.manifest.hash.hex()}")


def bring_up(updater: Updater, directory: DeviceDirectory, bundle: bytes | None, *, again: bool = False) -> Application:
    """Start a device, with a bundle put on it first if that is another one than it has, and than was put there last.

    So a device that has updated itself keeps what it has when it is started in the same way again; with `again` the
    bundle is put there all the same. Raises `NoApplicationError`, and what refuses a bundle.
    """
    if bundle is not None:
        manifest = UnverifiedBundle.parse(bundle).envelope.raw
        given = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        if again or updater.holds_nothing or given not in (directory.flashed, updater.confirmed):
            updater.flash(bundle)
        directory.note_flashed(given)
    return updater.start()
