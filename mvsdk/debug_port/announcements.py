"""Which emulated devices run on this machine, and where each listens for debuggers.

A running device that can be debugged has a file in one folder per person, readable by that person alone. It is taken
away when the run ends; what a killed process leaves behind is noticed by whoever connects in vain.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mvsdk.files import write_whole

_FILE_BYTES = 64 * 1024


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """A running device. `address` is where it listens (`addresses`), `token` what its debuggers must say."""

    name: str
    folder: str
    address: str
    token: str
    process: int


def running_home(environment: Mapping[str, str]) -> Path:
    """Return the folder of announcements: $MVSDK_RUNNING, else mvsdk/running among a person's run-time files, or where
    there are none among the state of programs (XDG)."""
    chosen = environment.get("MVSDK_RUNNING")
    if chosen:
        return Path(chosen)
    shared = environment.get("XDG_RUNTIME_DIR") or environment.get("XDG_STATE_HOME")
    return Path(shared or os.path.expanduser("~/.local/state")) / "mvsdk" / "running"  # noqa: PTH111 - may be unset


def announce(home: Path, announcement: Announcement) -> Path:
    """Write an announcement and return its file, for whoever announces to take away."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / f"{announcement.process}-{secrets.token_hex(4)}.json"
    write_whole(file, msgspec.json.encode(announcement), mode=0o600)
    return file


def announced(home: Path) -> list[Announcement]:
    """Return what is announced, sorted by name; a file that is no announcement is passed over."""
    found = []
    for file in sorted(home.glob("*.json")):
        try:
            with file.open("rb") as content:
                found.append(msgspec.json.decode(content.read(_FILE_BYTES), type=Announcement))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda announcement: (announcement.name, announcement.folder))
