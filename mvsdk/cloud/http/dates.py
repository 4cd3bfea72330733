"""Times as the API writes them: ISO 8601 in UTC, whole seconds (rest-api.md, "Base, auth, encoding")."""

from __future__ import annotations

import datetime


def date(microseconds: int | None) -> str | None:
    """Return Unix microseconds as text; None stays None."""
    if microseconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(microseconds // 1_000_000, tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
