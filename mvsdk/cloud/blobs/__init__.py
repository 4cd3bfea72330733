"""Content by its hash: layers, in files or in a bucket. A blob never changes, so it is kept once."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Blobs by name: the SHA-256 of their content, 64 hexadecimal digits. All methods block; they are for threads."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a blob; it is durable when this returns. One that is there already stays. Raises StorageFullError."""

    def get(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return a blob's bytes from `start` to before `end`. Raises `KeyError` if there is no such blob."""

    def size(self, name: str) -> int:
        """Return a blob's size in bytes. Raises `KeyError` if there is no such blob."""

    def remove(self, name: str) -> None:
        """Forget a blob; one that is not there is no error."""


def open_blobs(url: str) -> BlobStore:
    """Open `s3://…`, or a folder by its path. Raises BlobStoreError."""
    if "://" in url:
        from mvsdk.cloud.blobs.s3 import S3Blobs

        return S3Blobs(url)
    from mvsdk.cloud.blobs.files import FileBlobs

    return FileBlobs(Path(url))
