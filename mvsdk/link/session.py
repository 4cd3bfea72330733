"""The device's side of a session: a thread that connects, resumes, sends what is in the outbox, and tells what comes.

Config is asked for with `DeviceSession.fetch_config`, whose answer goes to whoever asked.

It comes back by itself after every cut, later each time and never at the same moment as others.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mvsdk.link import messages
from mvsdk.link.messages import (
    CONFIG_ITEMS_MOST,
    MESSAGE_BYTES,
    Acknowledged,
    Closing,
    Command,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    Hello,
    Logging,
    NewKeysAvailable,
    TargetChanged,
    Up,
    Welcome,
)
from mvsdk.link.outbox import Outbox

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

PATH = "/mvsdk/v1/session"
HEARTBEAT_SECONDS = 20
"""A side that hears nothing for two of them takes the connection for dead."""
WELCOME_SECONDS = 15.0
"""For how long the cloud may take to answer a hello."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Connected:
    """A session has begun, with what the cloud said in its welcome."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no session. `final` when the cloud does not want this device back."""

    reason: str
    final: bool


Heard = Connected | Disconnected | Logging | TargetChanged | NewKeysAvailable | Command
"""What the owner of a session is told, on the session's thread and in order."""

ConfigAnswered = Callable[[ConfigAnswer | Disconnected], None]
"""What is called with the answer to a request, or with why there will be none."""


def waits(randomness: random.Random) -> Callable[[int], float]:
    """Return how long to wait before an attempt, by how many have failed in a row: doubling, with full jitter."""
    return lambda failures: randomness.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures, 16)))


class DeviceSession:
    """Keeps a device in touch with the cloud at `url` until `close`.

    `hello` is asked for the first message of every attempt. `hear` is told everything that comes. `wait` gives the
    seconds before an attempt, `patience` those for which a welcome is waited for. Without a `token` the device shows
    the certificate that is in `tls`.
    """

    def __init__(
        self,
        url: str,
        device: str,
        token: str | None,
        outbox: Outbox,
        hello: Callable[[], Hello],
        hear: Callable[[Heard], None],
        wait: Callable[[int], float] | None = None,
        patience: float = WELCOME_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url.replace("http", "ws", 1).rstrip("/") + PATH
        self._headers = {} if token is None else {"Authorization": f"Bearer {device}:{token}"}
        # Only given for an encrypted address: the library refuses it elsewhere.
        self._encryption: dict[str, Any] = {} if tls is None else {"ssl": tls}
        self._outbox = outbox
        self._hello = hello
        self._hear = hear
        self._wait = wait or waits(random.Random())  # noqa: S311 - spreads load, hides nothing
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._wanted = asyncio.Event()
        self._to_say: list[Up] = []
        self._in_session = False
        self._connecting = True
        self._early: list[Callable[[], None]] = []
        self._asked: dict[int, ConfigAnswered] = {}
        self._last_request = 0
        self._closing = False
        self._keeping = self._loop.create_task(self._keep())
        self._ended = False
        self._ending = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="device session", daemon=True)
        self._thread.start()

    def records_added(self) -> None:
        """Send what is new in the outbox. From any thread."""
        self._call(self._wanted.set)

    def say(self, message: Up) -> None:
        """Send a message that is no record; it is lost if there is no session. From any thread."""

        def queue() -> None:
            self._to_say.append(message)
            self._wanted.set()

        self._call(queue)

    def fetch_config(self, items: Sequence[ConfigItem], answered: ConfigAnswered) -> None:
        """Ask the cloud for config and secret values. From any thread.

        `answered` is called once, on the session's thread (on this one, if the session has ended for good): with the
        answer, or with `Disconnected` if there is no session or it ends before. It is not asked again then. While a
        session is being begun the request waits for it: a device counts as connected before its application starts. A
        request that is too large never leaves, and its answer says so. Raises ValueError for a key with half a
        character in it.
        """
        wanted = list(items)
        size = len(messages.encode(ConfigRequest(id=2**53, items=wanted)))

        def ask() -> None:
            if not self._in_session:
                if self._connecting:
                    self._early.append(ask)
                else:
                    answered(Disconnected("there is no session", final=False))
                return
            self._last_request += 1
            request = ConfigRequest(id=self._last_request, items=wanted)
            if len(wanted) > CONFIG_ITEMS_MOST or size > MESSAGE_BYTES:
                answered(ConfigAnswer(id=request.id, result="too-large", items=[]))
                return
            self._asked[request.id] = answered
            self._to_say.append(request)
            self._wanted.set()

        if not self._call(ask):
            answered(Disconnected("the session has ended", final=True))

    def close(self, timeout: float = 5.0) -> None:
        """Wait until everything is acknowledged, though no longer than `timeout` seconds, and end."""
        self._closing = True
        self._call(self._wanted.set)
        self._thread.join(timeout)
        self._call(self._keeping.cancel)
        self._thread.join()

    def _call(self, function: Callable[[], object]) -> bool:
        """Do something on the session's thread; return whether it will be done."""
        with self._ending:
            if not self._ended:
                self._loop.call_soon_threadsafe(function)
            return not self._ended

    # -- on the session's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._keeping)
        finally:
            self._leave(Disconnected("the session has ended", final=True))
            with self._ending:
                self._ended = True
            self._loop.run_until_complete(self._finish())
            self._loop.close()

    @staticmethod
    async def _finish() -> None:
        """Do what was handed over before the end, and see off what a connection has left behind."""
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _keep(self) -> None:
        """Connect again and again."""
        failures = 0
        while not self._done():
            self._connecting = True
            end, connected = await self._once()
            self._leave(end)
            self._hear(end)
            if end.final:
                return
            failures = 0 if connected else failures + 1
            if not self._done():
                await asyncio.sleep(self._wait(failures))

    def _done(self) -> bool:
        return self._closing and self._outbox.empty

    def _leave(self, end: Disconnected) -> None:
        """Tell those who wait for an answer that there will be none."""
        self._in_session = self._connecting = False
        self._ask_early()
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered(end)

    def _ask_early(self) -> None:
        """Ask what has waited for the outcome of connecting."""
        early, self._early = self._early, []
        for ask in early:
            ask()

    async def _once(self) -> tuple[Disconnected, bool]:
        """Hold one session; return why it ended, and whether it had begun."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, WebSocketException

        begun = False
        connection: ClientConnection | None = None
        try:
            async with connect(
                self._url,
                additional_headers=self._headers,
                ping_interval=HEARTBEAT_SECONDS,
                ping_timeout=HEARTBEAT_SECONDS,
                close_timeout=2,
                compression=None,
                max_size=MESSAGE_BYTES,
                proxy=None,
                **self._encryption,
            ) as connection:
                await connection.send(messages.encode(self._hello()).decode())
                try:
                    async with asyncio.timeout(self._patience):
                        answer = messages.decode_welcome(await connection.recv())
                except TimeoutError:
                    return Disconnected("the cloud does not answer", final=False), begun
                if isinstance(answer, Closing):
                    return Disconnected(answer.reason, final=not answer.retry), begun
                begun = True
                self._outbox.resume(answer.acknowledged)
                self._to_say.clear()
                self._in_session = True
                self._hear(Connected(answer))
                self._ask_early()
                return await self._hold(connection), begun
        except asyncio.CancelledError:
            if connection is not None:  # nobody waits any more for its proper end
                connection.transport.abort()
            raise
        except InvalidStatus as error:
            status = error.response.status_code
            return Disconnected(f"the cloud answers {status}", final=status in {401, 403, 404}), begun
        except (OSError, TimeoutError, WebSocketException, msgspec.MsgspecError) as error:
            return Disconnected(str(error) or type(error).__name__, final=False), begun

    async def _hold(self, connection: ClientConnection) -> Disconnected:
        """Send and receive until either ends."""
        receiving = asyncio.ensure_future(self._receive(connection))
        sending = asyncio.ensure_future(self._send(connection))
        try:
            await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (receiving, sending):
                task.cancel()
            results = await asyncio.gather(receiving, sending, return_exceptions=True)
        for result in results:
            if isinstance(result, Disconnected):
                return result
        for result in results:
            if isinstance(result, Exception):
                raise result
        return Disconnected("done", final=False)

    async def _receive(self, connection: ClientConnection) -> Disconnected:
        while True:
            message = messages.decode_down(await connection.recv())
            if isinstance(message, Acknowledged):
                self._outbox.acknowledge(message.up_to)
                if self._done():
                    return Disconnected("done", final=True)
            elif isinstance(message, Closing):
                return Disconnected(message.reason, final=not message.retry)
            elif isinstance(message, ConfigAnswer):
                answered = self._asked.pop(message.id, None)
                if answered is not None:
                    answered(message)
            else:
                self._hear(message)

    async def _send(self, connection: ClientConnection) -> Disconnected:
        while True:
            self._wanted.clear()
            while (message := self._next_message()) is not None:
                await connection.send(messages.encode(message).decode())
            if self._done():
                return Disconnected("done", final=True)
            await self._wanted.wait()

    def _next_message(self) -> Up | None:
        """Return what is to be sent next: questions do not wait for a long log."""
        return self._to_say.pop(0) if self._to_say else self._outbox.next_message()
