"""A bundle that nobody has verified: an allegation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mvsdk.bundle import container
from mvsdk.bundle.errors import BundleFileError
from mvsdk.bundle.image import REGION_SIZE
from mvsdk.bundle.manifest import Envelope

FILE_LIMIT = 16 * 1024 * 1024
"""Many times what a bundle for 1 MiB of flash takes; keeps a wrongly named file from being read whole."""


@dataclass(frozen=True, slots=True)
class UnverifiedBundle:
    """The members of a well-formed archive, and the outer message of the manifest.

    Holding one proves nothing about its content: not who made it, not that the layers are what the manifest names, not
    even that the body of the manifest can be read. `mvsdk.bundle.verify` turns its bytes into a `VerifiedBundle`.
    """

    layers: Mapping[str, bytes]
    envelope: Envelope

    @classmethod
    def parse(cls, data: bytes, capacity: int = REGION_SIZE) -> UnverifiedBundle:
        """Read the archive, whose layers may have `capacity` bytes. Raises ContainerError, ManifestError."""
        contents = {member.name: member.content for member in container.read(data, capacity)}
        return cls(envelope=Envelope.parse(contents.pop(container.MANIFEST)), layers=contents)


def load(path: Path) -> bytes:
    """Read the file of a bundle. Raises BundleFileError when it cannot be read or is far too large to be one."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        what = f"cannot read {path}: {error.strerror or error}"
        raise BundleFileError(what, "check the path; `mvsdk bundle` makes a bundle") from error
    if len(data) > FILE_LIMIT:
        raise BundleFileError(f"{path} is larger than {FILE_LIMIT} bytes, too large for a bundle", "check the path")
    return data
