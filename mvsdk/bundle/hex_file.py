"""Intel HEX files as pieces of an image."""

from __future__ import annotations

import io
from pathlib import Path

from mvsdk.bundle.errors import ImageFormatError
from mvsdk.bundle.image import Piece

_END_OF_FILE = ":00000001FF"


def pieces(path: Path, data: bytes) -> list[Piece]:
    """Return every run of bytes. Raises ImageFormatError, with the line, for what is damaged or cut off."""
    from intelhex import IntelHex, IntelHexError

    again = "build the application again"
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImageFormatError(f"{path}, line {line}: not Intel HEX (byte {data[error.start]:#04x})", again) from error
    content = IntelHex()
    try:
        content.loadhex(io.StringIO(text))
    except IntelHexError as error:
        raise ImageFormatError(f"{path} is not Intel HEX: {error}", again) from error
    if not text.rstrip().upper().endswith(_END_OF_FILE):
        raise ImageFormatError(f"{path} does not end with the end-of-file record {_END_OF_FILE}", again)
    return [Piece(start, content.tobinstr(start=start, end=end - 1), "a block") for start, end in content.segments()]
