"""Making the patches that devices apply, with detools."""

from __future__ import annotations

import io

_WINDOW, _LOOKAHEAD = 11, 7
"""Of heatshrink, as powers of two: what the cloud uses, and the most that a device takes."""


def make_patch(base: bytes, result: bytes) -> bytes:
    """Return a patch that makes `result` of `base`; the same arguments give the same bytes. Takes up to seconds."""
    import detools

    output = io.BytesIO()
    detools.create_patch(
        io.BytesIO(base),
        io.BytesIO(result),
        output,
        compression="heatshrink",
        use_mmap=False,
        heatshrink_window_sz2=_WINDOW,
        heatshrink_lookahead_sz2=_LOOKAHEAD,
    )
    return output.getvalue()
