"""A core's snapshot as bytes: a mark, a JSON header with every small thing, and the memories one after the other.

The header is checked as far as a mistake could be made: mark, version, memory map and lengths. It is not meant to
defend against forgery.
"""

from __future__ import annotations

import json
from typing import Any

from mvsdk.emulator.core.memory import Region

_MARK = b"mvsdk core 1\n"


def encode(state: dict[str, Any], regions: list[Region]) -> bytes:
    """Return the snapshot of JSON-able `state` and the contents of `regions`."""
    header = json.dumps({"map": _map(regions), "state": state}, sort_keys=True, separators=(",", ":")).encode()
    return b"".join(
        [_MARK, len(header).to_bytes(4, "little"), header, *(memoryview(region.data) for region in regions)]
    )


def decode(snapshot: bytes, regions: list[Region]) -> tuple[dict[str, Any], list[bytes]]:
    """Return state and contents of the regions; `ValueError` if it is no snapshot for this memory map."""
    if not snapshot.startswith(_MARK):
        raise ValueError("this is not a snapshot of this version of the core")
    start = len(_MARK) + 4
    end = start + int.from_bytes(snapshot[len(_MARK) : start], "little")
    header = json.loads(snapshot[start:end])
    if header["map"] != _map(regions):
        raise ValueError("the snapshot was taken with another memory map")
    contents = []
    for region in regions:
        contents.append(snapshot[end : end + region.size])
        end += region.size
    if end != len(snapshot):
        raise ValueError(f"the snapshot has {len(snapshot)} bytes where {end} are expected")
    return header["state"], contents


def _map(regions: list[Region]) -> list[list[int]]:
    return [[region.base, region.size, int(region.writable)] for region in regions]
