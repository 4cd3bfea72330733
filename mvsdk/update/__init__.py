"""Updates on the device: an agent that brings a signed bundle into flash, tries it, and confirms it or goes back.

    state, key_set ── journal ──┐
    layout, hardware ── slots ──┤
    admission ──────────────────┼── agent ── provisioning
    download, patching ── fetching, installer
    proof                          every loss of power, at every operation, tried out

The agent has no threads, no sockets and no clock of its own: it is driven by `step()`, and asks the world through the
seams `Server` and `Clock` and two flash memories. How it works and what it promises: docs/updates.md.
The rules that must never break: not a byte is executed that was not read back from flash and verified against a signed
manifest; and a loss of power at any instant leaves the device with the old application or the new one.
"""

from mvsdk.update.agent import NEVER, Agent
from mvsdk.update.bundle_server import BundleServer, ManualClock
from mvsdk.update.download import Policy
from mvsdk.update.errors import (
    BusyError,
    FactoryError,
    LayoutError,
    MissingError,
    PatchError,
    ProofError,
    Refusal,
    RefusedError,
    ServerError,
    UnreachableError,
    VerificationError,
    WrongAnswerError,
)
from mvsdk.update.hardware import Hardware
from mvsdk.update.journal import Journal
from mvsdk.update.key_set import KeySet
from mvsdk.update.layout import Layout
from mvsdk.update.provisioning import examine, prepare, provision
from mvsdk.update.reports import Application, Event, Report, Status
from mvsdk.update.server import Clock, Part, Pending, Server
from mvsdk.update.state import Method, Phase, State

__all__ = [
    "NEVER",
    "Agent",
    "Application",
    "BundleServer",
    "BusyError",
    "Clock",
    "Event",
    "FactoryError",
    "Hardware",
    "Journal",
    "KeySet",
    "Layout",
    "LayoutError",
    "ManualClock",
    "Method",
    "MissingError",
    "Part",
    "PatchError",
    "Pending",
    "Phase",
    "Policy",
    "ProofError",
    "Refusal",
    "RefusedError",
    "Report",
    "Server",
    "ServerError",
    "State",
    "Status",
    "UnreachableError",
    "VerificationError",
    "WrongAnswerError",
    "examine",
    "prepare",
    "provision",
]
