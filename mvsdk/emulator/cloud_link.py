"""A device and its cloud: what the application does is told there, and what is told from there becomes inputs.

The session lives on a thread of its own (`mvsdk.link`); the device is touched by `deliver` alone, which its owner calls
between runs. So a run with a cloud can be recorded and repeated like any other.
"""

from __future__ import annotations

import queue
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk import __version__
from mvsdk.emulator.cloud_identity import CloudIdentity
from mvsdk.emulator.events import Event, Faulted, LogLine, Started
from mvsdk.emulator.fault_status import causes
from mvsdk.emulator.inputs import Circumstance, RemoteRestart
from mvsdk.emulator.updating import CloudServer
from mvsdk.link import (
    PROTOCOL,
    Command,
    CommandDone,
    ConfigItem,
    CrashRecord,
    DeviceSession,
    Hello,
    Logging,
    LogRecord,
    NewKeysAvailable,
    Outbox,
    StartRecord,
    Target,
    TargetChanged,
    UpdatePolicy,
    UpdateProgress,
    Welcome,
)
from mvsdk.link.downloads import Downloads
from mvsdk.link.session import ConfigAnswered, Connected, Disconnected, Heard

if TYPE_CHECKING:
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.updating import Updater

EARLY_MOST = 1000
"""Log lines kept until the cloud has said whether it wants any."""


class CloudLink:
    """Keeps one device in touch with its cloud.

    `folder` is the device's; `app_hash` is "sha256:…" of the manifest of what it runs, None if it has none;
    `wall_start_us` is the wall time at its start. `notice` is called, on the session's thread, with a line for people
    whenever the connection changes. `facts` are told of the device. `server` answers what an update agent asks.
    Raises `CloudIdentityError`.
    """

    def __init__(
        self,
        folder: Path,
        app_hash: str | None,
        wall_start_us: int,
        notice: Callable[[str], None],
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._identity = CloudIdentity.read(folder)
        self._app_hash = app_hash
        self._wall_start_us = wall_start_us
        self._notice = notice
        self._boot = secrets.token_hex(16)
        self._outbox = Outbox()
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._early: list[LogRecord] | None = []
        self._logging = True
        self._wake_reason: str | None = None
        self._session: DeviceSession | None = None
        self._facts = dict(facts or {})
        self._progress: UpdateProgress | None = None
        self._updater: Updater | None = None
        self._tls = self._identity.tls(folder)
        self.server = CloudServer(Downloads(self._identity.url, self._identity.headers, self._tls))

    def keep_up_to_date(self, updater: Updater) -> None:
        """Let what the cloud wants reach an updater, which asks `server` and tells its progress to `report`."""
        self._updater = updater
        self._app_hash = updater.confirmed

    def start(self) -> None:
        """Begin to connect; it goes on by itself however often the connection breaks."""
        identity = self._identity
        self._session = DeviceSession(
            identity.url,
            identity.device,
            identity.token,
            self._outbox,
            self._hello,
            self._hear,
            tls=self._tls,
        )

    def close(self) -> None:
        """Let what is under way arrive, and end the session."""
        if self._session is not None:
            self._session.close()
        self.server.close()

    def fetch_config(self, items: Sequence[ConfigItem], answered: ConfigAnswered) -> None:
        """Ask the cloud for values, as `DeviceSession.fetch_config` does."""
        if self._session is None:
            answered(Disconnected("the session has not begun", final=False))
        else:
            self._session.fetch_config(items, answered)

    # -- up ------------------------------------------------------------------------------------------------------------

    def observe(self, event: Event) -> None:
        """Tell the cloud what happens on the device."""
        moment = self._wall_start_us + event.time_us
        match event:
            case LogLine():
                self._log(LogRecord(time_us=moment, text=event.text))
            case Started():
                self._wake_reason = event.wake_reason
                self._add(StartRecord(time_us=moment, wake_reason=event.wake_reason))
            case Faulted():
                self._add(CrashRecord(time_us=moment, report=_crash_report(event)))

    def report(self, progress: UpdateProgress) -> None:
        """Tell the cloud how far an update is, and again whenever a session begins."""
        self._progress = progress
        if progress.state == "confirmed":
            self._app_hash = progress.app_hash
        if self._session is not None:
            self._session.say(progress)

    def _log(self, record: LogRecord) -> None:
        """Lines from before the cloud has said whether it wants any are kept until it does."""
        if self._early is None:
            if self._logging:
                self._add(record)
        elif len(self._early) < EARLY_MOST:
            self._early.append(record)

    def _add(self, record: LogRecord | StartRecord | CrashRecord) -> None:
        self._outbox.add(record)
        if self._session is not None:
            self._session.records_added()

    def _hello(self) -> Hello:
        return Hello(
            protocol=PROTOCOL,
            boot=self._boot,
            software=f"mvsdk {__version__}",
            app_hash=self._app_hash,
            wake_reason=self._wake_reason,
            commands_done=self._identity.commands_done,
            facts=self._facts,
        )

    # -- down ----------------------------------------------------------------------------------------------------------

    def _hear(self, what: Heard) -> None:
        """Leave it to `deliver`; people hear of the connection at once."""
        if isinstance(what, Connected):
            self._notice(f"connected to {self._identity.url} as {what.welcome.device_sid}")
            if not what.welcome.logging:
                name = self._folder.name
                self._notice(
                    f"the cloud wants no log lines of {name} now; `mvsdk logs {name} --follow` asks for them, or "
                    f"`mvsdk device update {name} --logging`"
                )
        elif isinstance(what, Disconnected) and what.reason != "done":
            self._notice(f"cloud: {what.reason}{'' if what.final else '; trying again'}")
        self._heard.put(what)

    def deliver(self, device: Device) -> None:
        """Turn what has come since the last call into inputs of the device. For whoever runs it, between two runs."""
        while not self._heard.empty():
            what = self._heard.get()
            match what:
                case Connected():
                    self._set_logging(device, wanted=what.welcome.logging)
                    self._connected(what.welcome)
                case Disconnected():
                    self._disconnected()
                case TargetChanged():
                    self._aim(what.target)
                case NewKeysAvailable():
                    self.server.latest_keys = what.latest
                    self._aim(self.server.target)
                case Logging():
                    self._set_logging(device, wanted=what.enabled)
                case Command():
                    self._carry_out(device, what)

    def _connected(self, welcome: Welcome) -> None:
        self.server.connected, self.server.latest_keys = True, welcome.new_keys
        if self._session is not None and self._progress is not None:
            self._session.say(self._progress)
        updater, target = self._updater, welcome.target
        if updater is not None:
            updater.in_touch(True)
            # That it kept its target may have been said last when nobody heard it.
            if self._progress is None and target and updater.settled and updater.confirmed == target.app_hash:
                self.report(UpdateProgress(app_hash=target.app_hash, state="confirmed"))
        self._aim(target)

    def _disconnected(self) -> None:
        self.server.connected = False
        if self._updater is not None:
            self._updater.in_touch(False)

    def _aim(self, target: Target | None) -> None:
        self.server.target = target
        if self._updater is not None:
            self._updater.follow(target.policy if target else UpdatePolicy())

    def _set_logging(self, device: Device, *, wanted: bool) -> None:
        self._logging = wanted
        early, self._early = self._early or [], None
        if wanted:
            for record in early:
                self._add(record)
        device.inputs.now(Circumstance("server_logging", wanted))

    def _carry_out(self, device: Device, command: Command) -> None:
        """Note that a command is done before doing it: a device that dies meanwhile starts anew anyway."""
        if command.number > self._identity.commands_done:
            self._identity = replace(self._identity, commands_done=command.number)
            self._identity.write(self._folder)
            device.inputs.now(RemoteRestart())
        if self._session is not None:
            self._session.say(CommandDone(number=command.number))


def _crash_report(event: Faulted) -> str:
    registers = event.registers
    lines = [*causes(event.fault), f"pc 0x{registers.pc:08x}  lr 0x{registers.lr:08x}  sp 0x{registers.sp:08x}"]
    return "\n".join(lines + ([event.instruction] if event.instruction else []))
