"""uvicorn as we run it: one process, signals left to the caller, and no patience with clients that dawdle."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from mvsdk.cloud.errors import AddressError
from mvsdk.cloud.signals import Signals

SHUTDOWN_SECONDS = 10
"""For how long a request that was begun may go on after the server was told to stop."""
IDLE_SECONDS = 30
"""For how long a kept connection may say nothing."""
REQUEST_SECONDS = 20
"""For how long a client may take to send the head of a request."""
MESSAGE_LIMIT = 1024 * 1024
"""Bytes of one WebSocket message."""


class _Protocol(H11Protocol):
    """Closes connections whose request's head does not arrive in time, however slowly its bytes drip."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(IDLE_SECONDS + REQUEST_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def _give_up(self) -> None:
        self.transport.close()


class WebServer(uvicorn.Server):
    """Serves `app`. `listening` is called once requests are taken.

    Raises AddressError for a certificate or key that cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        signals: Signals,
        listening: Callable[[], None],
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=_Protocol,
            ws="websockets-sansio",
            ws_max_size=MESSAGE_LIMIT,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise AddressError(
                f"cannot use the certificate {certificate}: {error}", "give a PEM certificate and its private key"
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
