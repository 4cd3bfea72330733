"""Values as TOML spells them, so that a message shows what stands in the file."""

from __future__ import annotations

import datetime
import json


def spelled(value: object) -> str:
    """Return a value that `tomllib` has read as it could stand in a TOML file, on one line."""
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(spelled, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{spelled(key)} = {spelled(each)}' for key, each in value.items())} }}"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
