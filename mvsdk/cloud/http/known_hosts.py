"""Requests only under our own names: a page elsewhere whose name was made to point here gets nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class KnownHosts:
    """Lets requests and sessions through whose Host is one of `hosts`: names or addresses, with or without a port."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host_name(host) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        if scope["type"] in {"http", "websocket"}:
            given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(given) != 1 or host_name(given[0]) not in self._hosts:
                refused = PlainTextResponse("This server is not known under that name; give it with --name\n", 400)
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def host_name(host: str) -> str:
    """Return the name in a Host header without its port, in one form: lower case, IPv6 addresses without brackets."""
    if host.startswith("[") and "]" in host:
        name = host[1:].partition("]")[0]
    else:
        name = host.partition(":")[0] if host.count(":") == 1 else host
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    return name.lower().removesuffix(".")
