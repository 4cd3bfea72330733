"""Where emulated devices lie that were given a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def devices_home(environment: Mapping[str, str]) -> Path:
    """Return the folder of named devices: $MVSDK_DEVICES, else mvsdk/devices among a person's data (XDG)."""
    chosen = environment.get("MVSDK_DEVICES")
    if chosen:
        return Path(chosen)
    shared = environment.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111 - may be unset
    return Path(shared) / "mvsdk" / "devices"


def device_folder(name: str, environment: Mapping[str, str]) -> Path:
    """Return the folder that `--device` means: that of a named device, else the path itself."""
    path = Path(name)
    named = devices_home(environment) / name
    if len(path.parts) == 1 and not path.exists() and named.is_dir():
        return named
    return path
