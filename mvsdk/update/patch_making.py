"""Making the patches that devices apply: sequential ones of detools, compressed with heatshrink.

detools' "hdiffpatch" patches are smaller, and need a decoder that no device has.
"""

from __future__ import annotations

import io

_WINDOW, _LOOKAHEAD = 11, 10
"""Of heatshrink, as powers of two: the largest window that a device takes, and the longest run that fits into it. Most
of a patch are zeros, so long runs halve it."""


def make_patch(base: bytes, result: bytes) -> bytes:
    """Return a patch that makes `result` of `base`; the same arguments give the same bytes. Takes up to seconds."""
    import detools

    output = io.BytesIO()
    detools.create_patch(
        io.BytesIO(base),
        io.BytesIO(result),
        output,
        compression="heatshrink",
        patch_type="sequential",
        algorithm="bsdiff",
        use_mmap=False,
        heatshrink_window_sz2=_WINDOW,
        heatshrink_lookahead_sz2=_LOOKAHEAD,
    )
    return output.getvalue()
