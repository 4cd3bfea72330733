"""Lengths of time on the command line: `5s`, `250ms`, `1.5m`, `1h`, `800us`."""

from __future__ import annotations

from typing import Any

import click


class Duration(click.ParamType[int]):
    """A positive length of time, as whole microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        """Read one; a bare number is seconds."""
        from mvsdk.emulator.durations import microseconds

        try:
            length = microseconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if length <= 0:
            self.fail(f"'{value}' is no time at all. Write 5s, 250ms, 1.5m or 1h.", param, ctx)
        return length
