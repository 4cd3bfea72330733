"""The proof of an update: everything that can go wrong on the way from one bundle to another, tried out.

    faults ── world ── power ── prove ── report
    points ────────────────────────┘

The agent is run on modelled flash along each `Scenario`, and the world is kept at every operation. From each of these
instants the power fails in every way that `Mess` knows, the device comes up again and is left alone. Whatever it lets
run must be the old application or the new one, to the last byte; and it must end where the scenario says.

A device that comes up again soon is as one that was seen before: the same flash, the same knowledge, the same future.
There the path ends, and that is what makes it affordable to fail again during each recovery, and again, until there is
no state that has not been seen. What it knows is taken for what its journal says, not for the bytes that say so; that
the journal says the same after every cut is proven on its own.

Not a proof of the application, nor of what no model has: bits that flip by themselves in memory, or a processor that
executes something else.
"""

from mvsdk.update.proof.points import Point
from mvsdk.update.proof.prove import Finding, Outcome, Plan, Replay, Section, prove, replay
from mvsdk.update.proof.report import as_document, as_html
from mvsdk.update.proof.world import Violation

__all__ = [
    "Finding",
    "Outcome",
    "Plan",
    "Point",
    "Replay",
    "Section",
    "Violation",
    "as_document",
    "as_html",
    "prove",
    "replay",
]
