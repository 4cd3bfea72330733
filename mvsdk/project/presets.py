"""CMake's preset files (cmake-presets(7)), as far as a build has to know them before CMake reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mvsdk.project.errors import ConfigureError, reported_as

PRESETS = "CMakePresets.json"
_PRESET_FILES = (PRESETS, "CMakeUserPresets.json")


def preset_files(directory: Path) -> dict[str, str]:
    """Return the text of the preset files and of all they include, by path.

    An include path with a macro is looked up as it is written: CMake alone can expand it.
    """
    texts: dict[str, str] = {}
    pending = [directory / name for name in _PRESET_FILES]
    while pending:
        file = pending.pop()
        if str(file) in texts or not file.is_file():
            continue
        with reported_as(ConfigureError, f"read {file}", "make it readable"):
            texts[str(file)] = file.read_text(encoding="utf-8", errors="replace")
        pending += [file.parent / name for name in _entries(texts[str(file)], "include") if isinstance(name, str)]
    return texts


def configure_presets(texts: Iterable[str]) -> list[str]:
    """Return the names of the configure presets that can be chosen, in the order of the files."""
    presets = (preset for text in texts for preset in _entries(text, "configurePresets"))
    return [str(preset["name"]) for preset in presets if isinstance(preset, dict) and _is_shown(preset)]


def _is_shown(preset: dict[str, object]) -> bool:
    return "name" in preset and not preset.get("hidden", False)


def _entries(text: str, key: str) -> list[object]:
    try:
        document = json.loads(text)
    except ValueError:
        return []  # CMake will say what is wrong with it
    entries = document.get(key, []) if isinstance(document, dict) else []
    return entries if isinstance(entries, list) else []
