"""Every message of a device session. Each is one JSON text frame, told apart by its field "type".

A session begins with `Hello` and `Welcome`. After that both sides speak when they have something to say.

Up go records, numbered from 1 within one boot of the device: the cloud takes each number once, in order, and says in
`Acknowledged` how far it has stored them. After a cut the device asks with `Hello` and sends again from there.
Down go commands, numbered by the cloud: the device carries each out once, in order, and says `CommandDone`.
State (logging, target, new keys) is not numbered: the latest counts.

A field added later has a default; a message kind added later raises `PROTOCOL`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

PROTOCOL = 1
MESSAGE_BYTES = 1024 * 1024
"""Bytes of one message, at most, either way: a longer one breaks the connection."""
TEXT_LENGTH = 4096
"""Bytes of a log line, at most, as UTF-8 (mvServerLog takes 512; other personalities more)."""
REPORT_LENGTH = 65_536
"""Bytes of a crash report, at most."""
REASON_LENGTH = 1024
"""Bytes of the reason why an update failed, at most."""
NAME_LENGTH = 200
"""Bytes of a name, at most."""
TIME_MOST = 253_402_300_799_000_000
"""The last moment there is: the end of the year 9999, in Unix microseconds."""
RECORDS_MOST = 100
"""Records in one message, at most."""
RECORDS_BYTES = 256 * 1024
"""Bytes of the records in one message, at most, unless it is a single one."""
MANIFEST_BYTES = 2048
"""Bytes of a manifest that a target carries, at most: those of applications with few layers are some hundreds."""
FACTS_MOST = 32
"""Facts that a device tells of itself, at most."""
CONFIG_ITEMS_MOST = 100
"""Values asked for in one message, at most; more get an answer that says so."""


Number = Annotated[int, Meta(ge=0, le=2**53)]
Moment = Annotated[int, Meta(ge=0, le=TIME_MOST)]
"""Unix microseconds."""
Name = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]
"""As long as a message allows: whoever keeps it cuts it (`fitting`), so that no text can end a session."""


class _Message(msgspec.Struct, tag_field="type", frozen=True):
    """What all messages and records have in common."""


# -- records ---------------------------------------------------------------------------------------------------------


class LogRecord(_Message, tag="log", frozen=True, kw_only=True):
    """A line the application logged, at `time_us` of the device's clock."""

    time_us: Moment
    text: Text


class StartRecord(_Message, tag="start", frozen=True, kw_only=True):
    """The application started, and why."""

    time_us: Moment
    wake_reason: Text


class CrashRecord(_Message, tag="crash", frozen=True, kw_only=True):
    """The application faulted; `report` is what a person wants to read of it."""

    time_us: Moment
    report: Text


class GapRecord(_Message, tag="gap", frozen=True, kw_only=True):
    """So many records before this one were dropped, because the device was cut off for too long."""

    count: Number


Record = LogRecord | StartRecord | CrashRecord | GapRecord


# -- up --------------------------------------------------------------------------------------------------------------


class Hello(_Message, tag="hello", frozen=True, kw_only=True):
    """The first message. `boot` names this boot of the device; `commands_done` is the last command carried out.

    `app_hash` is what it runs ("sha256:…" of the manifest), None before it runs anything. `facts` is what else is to be
    known of the device, by name: its kernel's version, its board.
    """

    protocol: int
    boot: Name
    software: Name
    app_hash: Name | None = None
    wake_reason: Name | None = None
    commands_done: Number = 0
    facts: Annotated[dict[Name, Name], Meta(max_length=FACTS_MOST)] = {}


class Records(_Message, tag="records", frozen=True, kw_only=True):
    """Records in order; the first has the number `first`."""

    first: Number
    records: Annotated[list[Record], Meta(max_length=RECORDS_MOST)]


class CommandDone(_Message, tag="command-done", frozen=True, kw_only=True):
    """A command was carried out."""

    number: Number


class ConfigItem(msgspec.Struct, frozen=True):
    """One value wanted. A key that nothing can have, however long, is not found."""

    scope: Literal["account", "device"]
    kind: Literal["config", "secret"]
    key: str


class ConfigRequest(_Message, tag="config-request", frozen=True, kw_only=True):
    """Values wanted. `id` comes back in the answer."""

    id: Number
    items: list[ConfigItem]


class AppReport(_Message, tag="app-report", frozen=True, kw_only=True):
    """What the device runs now, or what went wrong on the way to its target."""

    app_hash: Name | None
    error_code: Number = 0


UpdateState = Literal[
    "pending", "downloading", "staged", "waiting", "installing", "trial", "confirmed", "reverted", "error"
]
"""The way of an update. "waiting": for the running application to agree. "trial": the new one runs and has to prove
itself. "confirmed", "reverted" and "error" are ends; after an error the device may begin again."""


class UpdateProgress(_Message, tag="update-progress", frozen=True, kw_only=True, omit_defaults=True):
    """How far the device is on the way to the app whose manifest has this hash.

    Bytes: fetched over the wire so far, known to be fetched, and not fetched because the device has them. `delta` says
    that what is fetched is a change against what it has. `reason` and `error_code` are for "reverted" and
    "error"; with "installing", a reason says why the running application was not waited for.
    The latest counts, so a device says it once more when a session begins.
    """

    app_hash: Name
    state: UpdateState
    bytes_done: Number = 0
    bytes_total: Number = 0
    bytes_reused: Number = 0
    delta: bool = False
    reason: Text = ""
    error_code: Number = 0


Up = Records | CommandDone | ConfigRequest | AppReport | UpdateProgress
"""What follows a `Hello`."""


# -- down ------------------------------------------------------------------------------------------------------------


class UpdatePolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a device is to update itself, beside what its app's manifest says. The default is what a device does unasked.

    A new app is kept once it has run for `trial_seconds` without a crash and, if `trial_needs_session`, has been in
    touch with the cloud. `bytes_per_hour` is what may be downloaded; 0 is any amount.
    """

    trial_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 60
    trial_needs_session: bool = True
    bytes_per_hour: Number = 0


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """An app to run: its SID, the hash of its manifest, how to get there, and the manifest itself.

    A manifest longer than `MANIFEST_BYTES` is empty here, and to be downloaded.
    """

    app_sid: str
    app_hash: str
    policy: UpdatePolicy = UpdatePolicy()
    manifest: bytes = b""


class Welcome(_Message, tag="welcome", frozen=True, kw_only=True):
    """The answer to `Hello`: the time, how far records of this boot are stored, and the present state."""

    protocol: int
    device_sid: str
    time_us: Moment
    acknowledged: int
    logging: bool
    target: Target | None = None
    new_keys: Number = 0
    """The number of the last NewKeys message that there is for the device; 0 for none."""


class Acknowledged(_Message, tag="acknowledged", frozen=True, kw_only=True):
    """Records up to this number are stored."""

    up_to: int


class Logging(_Message, tag="logging", frozen=True, kw_only=True):
    """Whether log lines are wanted."""

    enabled: bool


class TargetChanged(_Message, tag="target", frozen=True, kw_only=True):
    """The device is to run another app."""

    target: Target | None


class NewKeysAvailable(_Message, tag="new-keys", frozen=True, kw_only=True):
    """There are NewKeys messages up to this number; a device fetches those that it has not taken yet, one by one."""

    latest: Number


class Command(_Message, tag="command", frozen=True, kw_only=True):
    """Something to be done once."""

    number: int
    kind: Literal["restart"]


class ConfigResult(msgspec.Struct, frozen=True):
    """What became of one item; `value` is there if it was found, and never shown by `repr`."""

    result: Literal["found", "not-found", "decryption-failed"]
    value: str | None = None

    def __repr__(self) -> str:
        length = "none" if self.value is None else f"{len(self.value)} characters"
        return f"ConfigResult({self.result}, {length})"


class ConfigAnswer(_Message, tag="config-answer", frozen=True, kw_only=True):
    """The answer to a request. `items` has a result for each, in the order they were asked for, if `result` is "ok".

    "too-large": too many items, or values that do not fit into a message together. "failed": the cloud cannot read.
    """

    id: int
    result: Literal["ok", "too-large", "failed"] = "ok"
    items: list[ConfigResult]


class Closing(_Message, tag="closing", frozen=True, kw_only=True):
    """The cloud ends the session. `retry` says whether coming back makes sense."""

    reason: str
    retry: bool


Down = Acknowledged | Logging | TargetChanged | NewKeysAvailable | Command | ConfigAnswer | Closing
"""What follows a `Welcome`; a `Closing` may come in its place."""

encode = msgspec.json.encode
decode_hello = msgspec.json.Decoder(Hello).decode
decode_up = msgspec.json.Decoder(Up).decode
decode_welcome = msgspec.json.Decoder(Welcome | Closing).decode
decode_down = msgspec.json.Decoder(Down).decode
"""Each raises msgspec.MsgspecError for what is no such message."""
