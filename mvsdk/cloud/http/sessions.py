"""The cloud's side of device sessions: one WebSocket each (`mvsdk.link.messages` says what is spoken)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mvsdk.cloud import rollouts
from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import ConflictError, Connection
from mvsdk.cloud.errors import DatabaseUnreachableError
from mvsdk.cloud.http import device_access
from mvsdk.cloud.store import commands, records, sessions, tags, updates
from mvsdk.cloud.store.sessions import Device, State
from mvsdk.errors import CloudError
from mvsdk.link import messages
from mvsdk.link.fitting import fitted
from mvsdk.link.session import PATH

_LOG = logging.getLogger("mvsdk.cloud")
HELLO_SECONDS = 10
CONFIRM_SECONDS = 60
"""How often a session confirms that it is alive."""


def routes() -> list[WebSocketRoute]:
    """Return the route of device sessions."""
    return [WebSocketRoute(PATH, _serve)]


class _End(Exception):  # noqa: N818 - no error: a session that has come to its end
    """The session ends, and the device is told why."""

    def __init__(self, reason: str, *, retry: bool) -> None:
        super().__init__(reason)
        self.closing = messages.Closing(reason=reason, retry=retry)


async def _serve(socket: WebSocket) -> None:
    """Hold one session."""
    cloud: Cloud = socket.app.state.cloud
    if device_access.seconds_to_wait(socket):
        await socket.accept()
        await socket.send_text(messages.encode(messages.Closing(reason="too many failed logins", retry=True)).decode())
        await socket.close()
        return
    try:
        device = await device_access.authenticated(socket)
    except DatabaseUnreachableError as error:
        _LOG.error("session refused: %s", error.what)
        await socket.send_denial_response(Response(status_code=503))
        return
    if device is None:
        await socket.close()  # before it was accepted: HTTP 403
        return
    await socket.accept()
    session = _Session(socket, cloud, device)
    try:
        await session.hold()
    except _End as end:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await session.send(end.closing)
            await socket.close()
    except WebSocketDisconnect:
        pass
    except (CloudError, ConflictError, ValueError) as error:
        # Nothing was acknowledged: the device keeps it and comes back.
        _LOG.error("the session of %s ends: %s", device.sid, error)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1013, "the cloud cannot store anything")


@dataclass
class _Session:
    """One device that is connected."""

    socket: WebSocket
    cloud: Cloud
    device: Device
    name: str = field(default_factory=lambda: secrets.token_hex(16))
    boot: str = ""
    told: State = field(default_factory=lambda: State(None, None, None, None, ()))
    commanded: int = 0
    """The last command that was sent in this session."""

    async def hold(self) -> None:
        """Serve the device until one side ends it."""
        with self.cloud.signals.subscribed(f"device {self.device.sid}", f"account {self.device.account}") as changed:
            await self._welcome(await self._hello())
            receiving = asyncio.ensure_future(self._receive())
            telling = asyncio.ensure_future(self._tell_changes(changed))
            try:
                done, _ = await asyncio.wait({receiving, telling}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in (receiving, telling):
                    task.cancel()
                await asyncio.gather(receiving, telling, return_exceptions=True)
                await self._end()

    async def send(self, message: msgspec.Struct) -> None:
        """Send one message."""
        await self.socket.send_text(messages.encode(message).decode())

    async def _hello(self) -> messages.Hello:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = messages.decode_hello(await self.socket.receive_text())
        except (TimeoutError, msgspec.MsgspecError, KeyError) as error:
            raise _End("the session did not begin with a hello", retry=True) from error
        if hello.protocol != messages.PROTOCOL:
            raise _End(f"this cloud speaks protocol {messages.PROTOCOL}, not {hello.protocol}", retry=False)
        return hello

    async def _welcome(self, hello: messages.Hello) -> None:
        now_us = self.cloud.now_us()
        self.boot = hello.boot
        device = self.device

        def begin(connection: Connection) -> tuple[int, State]:
            through = sessions.begin(connection, device, self.name, hello, now_us)
            tags.set_facts(connection, device.sid, hello.facts)
            return through, sessions.state(connection, device, now_us)

        through, self.told = await self.cloud.database.write(begin)
        self.cloud.signals.send(f"presence {device.account}")
        self.cloud.signals.send(f"device {device.sid}")  # an older session finds that it no longer counts
        await self.send(
            messages.Welcome(
                protocol=messages.PROTOCOL,
                device_sid=device.sid,
                time_us=now_us,
                acknowledged=through,
                logging=self.told.logging_until_us is not None,
                target=self.told.target,
                new_keys=self.told.new_keys,
            )
        )
        await self._send_commands(self.told)

    async def _end(self) -> None:
        now_us = self.cloud.now_us()
        with contextlib.suppress(CloudError):  # a session that is not confirmed any more counts as ended
            await self.cloud.database.write(lambda c: sessions.end(c, self.device, self.name, now_us))
        self.cloud.signals.send(f"presence {self.device.account}")

    # -- up ------------------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            try:
                message = messages.decode_up(await self.socket.receive_text())
            except (msgspec.MsgspecError, KeyError) as error:
                raise _End("a message was none that this cloud knows", retry=True) from error
            await self._take(message)

    async def _take(self, message: messages.Up) -> None:
        cloud, device, now_us = self.cloud, self.device, self.cloud.now_us()
        match message:
            case messages.Records():
                await self._store(message)
            case messages.CommandDone():
                await self._note(lambda c: commands.done(c, device.sid, message.number))
            case messages.ConfigRequest():
                await self.socket.send_text((await self._config_answer(message)).decode())
            case messages.AppReport():
                await self._note(lambda c: sessions.report(c, device, message.app_hash, message.error_code, now_us))
                cloud.signals.send(f"presence {device.account}")
            case messages.UpdateProgress():
                await self._note(lambda c: updates.note(c, device, message, now_us))
                cloud.signals.send(f"presence {device.account}")
                if message.state in {"trial", *updates.FINISHED}:
                    cloud.signals.send(rollouts.TOPIC)

    async def _note(self, work: Callable[[Connection], None]) -> None:
        """Write down what the device says, unless another session of it counts by now."""

        def note(connection: Connection) -> None:
            if sessions.counts(connection, self.device, self.name):
                work(connection)

        await self.cloud.database.write(note)

    async def _config_answer(self, request: messages.ConfigRequest) -> bytes:
        """Return the answer as it is sent. Whatever is wrong with a request, the session goes on."""

        def refused(result: Literal["too-large", "failed"]) -> bytes:
            return messages.encode(messages.ConfigAnswer(id=request.id, result=result, items=[]))

        if len(request.items) > messages.CONFIG_ITEMS_MOST:
            return refused("too-large")
        cloud, device = self.cloud, self.device
        try:
            items = await cloud.database.read(lambda c: sessions.values(c, cloud.seal, device, request.items))
        except CloudError as error:
            _LOG.error("config of %s cannot be read: %s", device.sid, error)
            return refused("failed")
        if any(item.result == "decryption-failed" for item in items):
            _LOG.error("a secret of %s cannot be opened: it was sealed with another master.key", device.sid)
        answer = messages.encode(messages.ConfigAnswer(id=request.id, items=items))
        return answer if len(answer) <= messages.MESSAGE_BYTES else refused("too-large")

    async def _store(self, message: messages.Records) -> None:
        if message.first < 1 or not message.records:
            raise _End("records are numbered from 1", retry=False)
        now_us, device, boot = self.cloud.now_us(), self.device.sid, self.boot
        taken = [fitted(record) for record in message.records]
        through = await self.cloud.database.write(
            lambda c: records.append(c, device, self.name, boot, message.first, taken, now_us)
        )
        if through is None:
            raise _End("another session of this device has begun", retry=False)
        self.cloud.signals.send(f"records {device}")
        if any(isinstance(record, messages.CrashRecord) for record in taken):
            self.cloud.signals.send(rollouts.TOPIC)
        await self.send(messages.Acknowledged(up_to=through))

    # -- down ----------------------------------------------------------------------------------------------------------

    async def _tell_changes(self, changed: asyncio.Event) -> None:
        """Tell the device whatever becomes different from what it was told."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await changed.wait()
            changed.clear()
            if self.cloud.signals.closed:
                raise _End("the cloud stops", retry=True)
            await self._tell(await self._present())

    def _patience(self) -> float:
        """Return the seconds until something is to be looked at even if nobody says so."""
        until = self.told.logging_until_us
        left = CONFIRM_SECONDS if until is None else (until - self.cloud.now_us()) / 1_000_000
        return max(0.0, min(CONFIRM_SECONDS, left))

    async def _present(self) -> State:
        now_us = self.cloud.now_us()

        def look(connection: Connection) -> State:
            sessions.confirm(connection, self.device, self.name, now_us)
            return sessions.state(connection, self.device, now_us)

        return await self.cloud.database.write(look)

    async def _tell(self, state: State) -> None:
        if state.session != self.name:
            raise _End("another session of this device has begun", retry=False)
        before, self.told = self.told, state
        if (state.logging_until_us is None) is not (before.logging_until_us is None):
            await self.send(messages.Logging(enabled=state.logging_until_us is not None))
        if (state.target, state.targeted_us) != (before.target, before.targeted_us):
            await self.send(messages.TargetChanged(target=state.target))
        if state.new_keys != before.new_keys:
            await self.send(messages.NewKeysAvailable(latest=state.new_keys))
        await self._send_commands(state)

    async def _send_commands(self, state: State) -> None:
        for number, kind in state.commands:
            if number > self.commanded:
                self.commanded = number
                if kind == commands.RESTART:
                    await self.send(messages.Command(number=number, kind="restart"))
