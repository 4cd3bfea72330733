"""Lengths of time on the command line: `5s`, `250ms`, `1.5m`, `1h`, `800us`."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


class Duration(click.ParamType[int]):
    """A positive length of time, as whole microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        """Read one; a bare number is seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)?", str(value).strip())
        if match is None:
            self.fail(f"'{value}' is not a length of time. Write 5s, 250ms, 1.5m or 1h.", param, ctx)
        microseconds = round(float(match[1]) * _UNITS[match[2] or "s"])
        if microseconds <= 0:
            self.fail(f"'{value}' is no time at all. Write 5s, 250ms, 1.5m or 1h.", param, ctx)
        return microseconds
