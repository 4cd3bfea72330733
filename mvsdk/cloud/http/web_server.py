"""uvicorn as we run it: one process, signals left to the caller, and no patience with clients that dawdle."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mvsdk.cloud.errors import AddressError
from mvsdk.cloud.signals import Signals
from mvsdk.link.messages import MESSAGE_BYTES

SHUTDOWN_SECONDS = 10
"""For how long a request that was begun may go on after the server was told to stop."""
IDLE_SECONDS = 30
"""For how long a kept connection may say nothing."""
REQUEST_SECONDS = 20
"""For how long a client may take to send the head of a request."""
HEAD_LIMIT = 64 * 1024
"""Bytes of the head of a request."""

CLIENT_CERTIFICATE = "client_certificate"
"""In the state of a scope: the certificate (DER) that the client has shown and that was verified, if any."""


class _Protocol(HttpToolsProtocol):
    """Closes connections whose request's head does not arrive in time, however its bytes drip, or is too long, or
    whose body stands still."""

    _deadline: asyncio.TimerHandle | None = None
    _in_head = True
    _head = 0
    _heard = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        encrypted = transport.get_extra_info("ssl_object")
        if encrypted is not None:
            # What is in here is in the scope of every request and session of this connection, as "state".
            self.app_state = {**self.app_state, CLIENT_CERTIFICATE: encrypted.getpeercert(binary_form=True)}
        self._wait(REQUEST_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._wait(None)

    def data_received(self, data: bytes) -> None:
        self._heard += len(data)
        if self._in_head:
            # The parser tells of a header when it is whole, so what counts is what has arrived.
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD_LIMIT:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        self._wait(IDLE_SECONDS, functools.partial(self._expect_more, self._heard))
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        self._wait(None)
        super().handle_websocket_upgrade()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._wait(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait(IDLE_SECONDS + REQUEST_SECONDS, self.transport.close)

    def _expect_more(self, heard: int) -> None:
        """Close the connection if nothing more of a body has come since `heard` bytes."""
        if self._heard == heard:
            self.transport.close()
        else:
            self._wait(IDLE_SECONDS, functools.partial(self._expect_more, self._heard))

    def _wait(self, seconds: float | None, then: Callable[[], object] | None = None) -> None:
        """Do something after a time, in place of what was to be done."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, then) if seconds is not None and then is not None else None


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's certificate and its key, and the authority whose certificates devices may show: PEM files."""

    certificate: Path
    key: Path | None
    authority: Path


class WebServer(uvicorn.Server):
    """Serves `app`. `listening` is called once requests are taken.

    Raises AddressError for a certificate or key that cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        signals: Signals,
        listening: Callable[[], None],
        tls: Tls | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=_Protocol,
            ws="websockets-sansio",
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            **_options(tls),
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise AddressError(
                f"cannot use the certificate {tls and tls.certificate}: {error}",
                "give a PEM certificate and its private key",
            ) from error
        super().__init__(config)
        self._signals = signals
        self._listening = listening

    def stop(self) -> None:
        """Take no more requests, finish those that were begun, end streams and sessions, and return from `serve`."""
        self._signals.close()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the server."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        self._listening()


def _options(tls: Tls | None) -> dict[str, Any]:
    """Return uvicorn's options. Who shows a certificate shows one of the authority's; nobody has to."""
    if tls is None:
        return {}
    return {
        "ssl_certfile": tls.certificate,
        "ssl_keyfile": tls.key,
        "ssl_ca_certs": str(tls.authority),
        "ssl_cert_reqs": ssl.CERT_OPTIONAL,
    }
