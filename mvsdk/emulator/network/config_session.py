"""Config and secrets from the cloud, by the session that the device keeps with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from mvsdk.emulator.network.exchanges import (
    ConfigAnswer,
    ConfigItem,
    ConfigItemResult,
    ConfigRequest,
    Request,
    config_size,
)
from mvsdk.emulator.network.peers import Reply, refuse


class FetchedItem(Protocol):
    """What the cloud says of one item; `value` is there if it was found."""

    @property
    def result(self) -> Literal["found", "not-found", "decryption-failed"]:
        """Whether it was."""

    @property
    def value(self) -> str | None:
        """Its value."""


class Fetched(Protocol):
    """What the cloud says to a fetch; with the result "ok" there is an item for each that was asked for."""

    @property
    def result(self) -> Literal["ok", "too-large", "failed"]:
        """Whether it could answer."""

    @property
    def items(self) -> Sequence[FetchedItem]:
        """The items, in order."""


Fetch = Callable[[Sequence[ConfigItem], Callable[[Fetched | None], None]], None]
"""Asks the cloud for values without waiting, and has the answer told once, on any thread: None if there is no session,
or if it ends before."""
RESULTS: dict[str, ConfigItemResult] = {"found": "OK", "not-found": "KEYNOTFOUND", "decryption-failed": "SERVERERROR"}


class ConfigSession:
    """The cloud as whoever has the values. The session is its owner's to end."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def send(self, request: Request, reply: Reply) -> None:
        """Ask the cloud."""
        if isinstance(request, ConfigRequest):
            self._fetch(request.items, lambda fetched: _answer(request, fetched, reply))

    def close(self) -> None:
        """There is nothing to end."""


def _answer(request: ConfigRequest, fetched: Fetched | None, reply: Reply) -> None:
    """Answer as the cloud does; without it, or with an answer to something else, every item is the server's error."""
    if fetched is not None and fetched.result == "too-large":
        reply(ConfigAnswer(request.exchange, "RESPONSETOOLARGE"))
    elif fetched is None or fetched.result != "ok" or len(fetched.items) != len(request.items):
        refuse(request, reply)
    else:
        items = tuple((RESULTS[item.result], (item.value or "").encode("utf-8")) for item in fetched.items)
        answer = ConfigAnswer(request.exchange, "OK", items)
        fits = config_size(answer) <= request.room
        reply(answer if fits else ConfigAnswer(request.exchange, "RESPONSETOOLARGE"))
