"""Device sessions: what a device and its cloud say to each other over one WebSocket.

    messages     every message, as a typed model; the version of the whole
    fitting      records made such that a message can carry them
    outbox       what the device has said and the cloud has not acknowledged yet
    certificates what a device needs to show a certificate in place of its token
    session      the device's side: connect, resume, send, ask, obey; again and again

The cloud's side is `mvsdk.cloud.http.sessions`. Both sides import this room and nothing of each other.
The rule that must never break: what was acknowledged is never lost, and nothing is taken twice.
"""

from mvsdk.link.messages import (
    PROTOCOL,
    Acknowledged,
    AppReport,
    Closing,
    Command,
    CommandDone,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    ConfigResult,
    CrashRecord,
    Down,
    GapRecord,
    Hello,
    Logging,
    LogRecord,
    NewKeysAvailable,
    Record,
    Records,
    StartRecord,
    Target,
    TargetChanged,
    Up,
    UpdatePolicy,
    UpdateProgress,
    UpdateState,
    Welcome,
)
from mvsdk.link.outbox import Outbox
from mvsdk.link.session import DeviceSession

__all__ = [
    "PROTOCOL",
    "Acknowledged",
    "AppReport",
    "Closing",
    "Command",
    "CommandDone",
    "ConfigAnswer",
    "ConfigItem",
    "ConfigRequest",
    "ConfigResult",
    "CrashRecord",
    "DeviceSession",
    "Down",
    "GapRecord",
    "Hello",
    "LogRecord",
    "Logging",
    "NewKeysAvailable",
    "Outbox",
    "Record",
    "Records",
    "StartRecord",
    "Target",
    "TargetChanged",
    "Up",
    "UpdatePolicy",
    "UpdateProgress",
    "UpdateState",
    "Welcome",
]
