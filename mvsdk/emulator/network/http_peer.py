"""HTTP for real: the host carries out what applications ask for, as the cloud does for a device.

A thread and a connection for each request, which both end with it. The time that the application gives counts for all
of it, from the name's lookup to the last byte, and is kept by an alarm that cuts the connection; a lookup alone cannot
be cut short, but nobody waits for it then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network import http_rules
from mvsdk.emulator.network.exchanges import Close, HttpAnswer, HttpRequest, Request
from mvsdk.emulator.network.peers import Reply

if TYPE_CHECKING:
    import ssl

    from mvsdk.emulator.network.http_exchange import BoundedLine

MOST_THREADS = 16
"""A device has four channels; more threads than that wait for names that are being looked up in vain."""
END_SECONDS = 2.0
"""How long `close` waits for threads whose connections have been cut."""
Alarm = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Calls something so many seconds from now, on any thread; what it returns takes the call back."""


def host_alarm(seconds: float, action: Callable[[], None]) -> Callable[[], None]:
    """Call `action` by the host's clock."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer.cancel


class HttpPeer:
    """Every HTTP server that the host reaches.

    `trusted` names a file of certificate authorities (PEM) beside those that everybody trusts; `allow_http` lets
    requests go without TLS. Raises `NetworkSettingError` for a file that has no authorities.
    """

    def __init__(self, *, trusted: Path | None = None, allow_http: bool = False, alarm: Alarm = host_alarm) -> None:
        self._trusted = trusted
        self._allow_http = allow_http
        self._alarm = alarm
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None
        self._under_way: dict[int, _Exchange] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        if trusted is not None:
            self._context()

    def send(self, request: Request, reply: Reply) -> None:
        """Carry out an HTTP request, or abandon one."""
        if isinstance(request, Close):
            with self._lock:
                exchange = self._under_way.pop(request.exchange, None)
            if exchange is not None:
                exchange.abandon()
        elif isinstance(request, HttpRequest):
            verdict = http_rules.verdict(request, allow_http=self._allow_http)
            if verdict is not None:
                reply(HttpAnswer(request.exchange, verdict))
            elif not self._begin(request, reply):
                reply(HttpAnswer(request.exchange, "REQUESTFAILED"))

    def close(self) -> None:
        """Abandon all that is under way."""
        with self._lock:
            self._closed = True
            exchanges = list(self._under_way.values())
            threads = list(self._threads)
            self._under_way.clear()
        for exchange in exchanges:
            exchange.abandon()
        end = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _begin(self, request: HttpRequest, reply: Reply) -> bool:
        from mvsdk.emulator.network.http_exchange import BoundedLine

        exchange = _Exchange(request, BoundedLine(request.room), reply)
        thread = threading.Thread(target=self._run, args=(exchange,), name=f"http {request.exchange}", daemon=True)
        with self._lock:
            if self._closed or len(self._threads) >= MOST_THREADS:
                return False
            self._under_way[request.exchange] = exchange
            self._threads.add(thread)
        exchange.give_time(self._alarm)
        thread.start()
        return True

    def _run(self, exchange: _Exchange) -> None:
        """Carry out one request, on its own thread."""
        from mvsdk.emulator.network.http_exchange import carry_out

        request = exchange.request
        answer = HttpAnswer(request.exchange, "REQUESTFAILED")
        try:
            answer = carry_out(request, exchange.line, self._context())
        finally:
            exchange.finish(answer)
            with self._lock:
                self._threads.discard(threading.current_thread())
                if self._under_way.get(request.exchange) is exchange:
                    del self._under_way[request.exchange]

    def _context(self) -> ssl.SSLContext:
        from mvsdk.emulator.network.http_exchange import tls_context

        with self._lock:
            if self._tls is None:
                try:
                    self._tls = tls_context(self._trusted)
                except OSError as error:
                    raise NetworkSettingError(
                        f"{self._trusted} has no certificate authorities: {error}", "give a file of PEM certificates"
                    ) from error
            return self._tls


class _Exchange:
    """One request under way: whoever is first says how it ends."""

    def __init__(self, request: HttpRequest, line: BoundedLine, reply: Reply) -> None:
        self.request = request
        self.line = line
        self._lock = threading.Lock()
        self._reply: Reply | None = reply
        self._take_back: Callable[[], None] = lambda: None

    def give_time(self, alarm: Alarm) -> None:
        """Let it fail when its time is over."""
        self._take_back = alarm(self.request.timeout_ms / 1000, self._give_up)

    def abandon(self) -> None:
        """End it without a word."""
        with self._lock:
            self._reply = None
        self._take_back()
        self.line.cut()

    def finish(self, answer: HttpAnswer) -> None:
        """Give the answer, if none was given."""
        self._take_back()
        with self._lock:
            reply, self._reply = self._reply, None
        if reply is not None:
            reply(answer)

    def _give_up(self) -> None:
        self.line.cut()
        self.finish(HttpAnswer(self.request.exchange, "REQUESTFAILED"))
