"""Config and secrets from the cloud, by the session that the device keeps with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mvsdk import link
from mvsdk.emulator.network.exchanges import ConfigAnswer, ConfigItemResult, ConfigRequest, Request, config_size
from mvsdk.emulator.network.peers import Reply, refuse
from mvsdk.link.session import ConfigAnswered, Disconnected

Fetch = Callable[[Sequence[link.ConfigItem], ConfigAnswered], None]
"""Asks the cloud for values without waiting: `DeviceSession.fetch_config`."""
RESULTS: dict[str, ConfigItemResult] = {"found": "OK", "not-found": "KEYNOTFOUND", "decryption-failed": "SERVERERROR"}


class ConfigSession:
    """The cloud as whoever has the values. The session is its owner's to end."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def send(self, request: Request, reply: Reply) -> None:
        """Ask the cloud."""
        if isinstance(request, ConfigRequest):
            items = [link.ConfigItem(item.scope, item.store, item.key) for item in request.items]
            self._fetch(items, lambda fetched: _answer(request, fetched, reply))

    def close(self) -> None:
        """There is nothing to end."""


def _answer(request: ConfigRequest, fetched: link.ConfigAnswer | Disconnected, reply: Reply) -> None:
    """Answer as the cloud does; without it, or with an answer to something else, every item is the server's error."""
    if isinstance(fetched, Disconnected):
        refuse(request, reply)
    elif fetched.result == "too-large":
        reply(ConfigAnswer(request.exchange, "RESPONSETOOLARGE"))
    elif fetched.result != "ok" or len(fetched.items) != len(request.items):
        refuse(request, reply)
    else:
        items = tuple((RESULTS[item.result], (item.value or "").encode("utf-8")) for item in fetched.items)
        answer = ConfigAnswer(request.exchange, "OK", items)
        fits = config_size(answer) <= request.room
        reply(answer if fits else ConfigAnswer(request.exchange, "RESPONSETOOLARGE"))
