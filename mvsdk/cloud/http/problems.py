"""What a client is told when something is wrong: one JSON shape, from the table beside this file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table. `message` has "{detail}" where the request's own detail goes."""

    name: str
    status: int
    code: int
    message: str


@cache
def kinds() -> Mapping[str, Kind]:
    """Return the table by name."""
    with files(__package__).joinpath("problems.csv").open(encoding="utf-8") as file:
        return {
            row["name"]: Kind(row["name"], int(row["status"]), int(row["code"]), row["message"])
            for row in csv.DictReader(file)
        }


RETRY_SECONDS = 5
"""After how long clients are asked to come back when the database is down."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """Something about a request that its client has to change. `detail` may be shown to the client."""

    def __init__(self, name: str, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(name, detail)
        self.kind = kinds()[name]
        self.detail = detail
        self.headers = headers

    def response(self, base_url: str) -> Response:
        """Return the answer (rest-api.md, "Errors"); `base_url` is where this server is reached."""
        document = {
            "code": self.kind.code,
            "message": self.kind.message.format(detail=self.detail),
            "more_info": f"{base_url}errors/{self.kind.code}",
            "status": self.kind.status,
        }
        return Response(msgspec.json.encode(document), self.kind.status, self.headers, "application/json")


def unavailable() -> Problem:
    """Return the problem that the database is down at present."""
    return Problem("unavailable", str(RETRY_SECONDS), {"Retry-After": str(RETRY_SECONDS)})
