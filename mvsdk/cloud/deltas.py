"""Deltas between layers: made on demand, in a process of their own, and kept among the blobs.

The format is that of `mvsdk.update.patch_making`, which a device decodes in a few kilobytes of memory.
Run as a program this module makes one: the length of the base as 8 bytes (big-endian), the base and the layer come on
standard input, the delta goes to standard output. The algorithm is C on data that strangers sign: it may crash, or take
for ever, and the server goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.store import apps, downloads
from mvsdk.cloud.store.downloads import Delta
from mvsdk.update.patch_making import make_patch

_LOG = logging.getLogger("mvsdk.cloud")
LAYERS = "layers"
"""What uploads, deletions and deltas exclude each other for: a layer that one finds there the other may be removing."""
MAKING_SECONDS = 60.0
"""For how long the making of one may go on; 1 MiB of firmware takes about a second."""


async def between(cloud: Cloud, base: str, layer: str) -> Delta:
    """Return the delta from one layer to another, made now if nobody asked for it before.

    One at a time is made, in all servers: who waits meanwhile finds it made.
    """
    async with cloud.database.exclusively("deltas"):
        known = await cloud.database.read(lambda c: downloads.delta(c, base, layer))
        if known is not None and await _is_there(cloud, known):
            return known
        try:
            contents = [await asyncio.to_thread(cloud.blobs.get, name) for name in (base, layer)]
        except KeyError:
            return Delta(None, 0)  # deleted meanwhile
        made = await _made(*contents)
        smaller = made is not None and len(made) < len(contents[1])
        return await _keep(cloud, base, layer, made if smaller else None)


async def _is_there(cloud: Cloud, delta: Delta) -> bool:
    """Return whether a delta's blob has outlived whatever happened, a restored backup for example."""
    if delta.blob is None:
        return True
    try:
        return await asyncio.to_thread(cloud.blobs.size, delta.blob) == delta.size
    except KeyError:
        return False


async def _keep(cloud: Cloud, base: str, layer: str, content: bytes | None) -> Delta:
    """Keep what was made, unless one of the layers is gone by now."""
    delta = Delta(None, 0) if content is None else Delta(hashlib.sha256(content).hexdigest(), len(content))
    async with cloud.database.exclusively(LAYERS):
        if not await cloud.database.read(lambda c: downloads.both_there(c, base, layer)):
            return Delta(None, 0)
        if content is not None and delta.blob is not None:
            await asyncio.to_thread(cloud.blobs.put, delta.blob, content)
        try:
            await cloud.database.write(lambda c: downloads.keep_delta(c, base, layer, delta))
        except Exception:
            blobs = [delta.blob] if delta.blob else []
            for unused in await cloud.database.read(lambda c: apps.unused(c, blobs)):
                await asyncio.to_thread(cloud.blobs.remove, unused)
            raise
    return delta


async def _made(base: bytes, layer: bytes) -> bytes | None:
    """Return the delta, or None if it cannot be made: then there is still the layer itself."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # nothing from the folder that the server was started in
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(MAKING_SECONDS):
            made, complaint = await program.communicate(len(base).to_bytes(8) + base + layer)
    except TimeoutError:
        _LOG.error("a delta took longer than %s seconds and was given up", MAKING_SECONDS)
        return None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode != 0:
        _LOG.error("a delta could not be made: %s", complaint.decode(errors="replace").strip()[-500:])
        return None
    return made


def _main() -> None:
    given = sys.stdin.buffer.read()
    end = 8 + int.from_bytes(given[:8])
    sys.stdout.buffer.write(make_patch(given[8:end], given[end:]))


if __name__ == "__main__":
    _main()
