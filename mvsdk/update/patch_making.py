"""Making the patches that devices apply, with detools. Installed with the extra `delta`; devices do not need it."""

from __future__ import annotations

import importlib.util
import io

from mvsdk.update.errors import PatchError

_WINDOW, _LOOKAHEAD = 10, 6
"""Of heatshrink, as powers of two: the smallest patches for one-line changes of real firmware, within WINDOW_LIMIT."""


def available() -> bool:
    """Tell whether patches can be made here."""
    return importlib.util.find_spec("detools") is not None


def make_patch(base: bytes, result: bytes) -> bytes:
    """Return a patch that makes `result` of `base`; the same arguments give the same bytes. Raises PatchError."""
    try:
        import detools
    except ImportError as error:
        raise PatchError(
            "patches cannot be made here: detools is not installed", "pip install 'mvsdk[delta]'"
        ) from error
    output = io.BytesIO()
    detools.create_patch(
        io.BytesIO(base),
        io.BytesIO(result),
        output,
        compression="heatshrink",
        heatshrink_window_sz2=_WINDOW,
        heatshrink_lookahead_sz2=_LOOKAHEAD,
    )
    return output.getvalue()
