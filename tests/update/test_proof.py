"""The proof passes for the agent there is, and fails for one with a fault."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.update import BundleServer, Hardware, Journal, Phase, ProofError, State
from mvsdk.update.journal import STATE
from mvsdk.update.patch_making import make_patch
from mvsdk.update.proof import Plan, Point, as_document, as_html, prove, replay
from tests.update.devices import BOARD, KEY, OLD, application, bundle

SMALL_OLD, SMALL_NEW, SMALL_TEST = bundle(1, 1500), bundle(2, 2500), bundle(3, 1000)


def plan(old: bytes = SMALL_OLD, new: bytes = SMALL_NEW, *, exhaustive: bool = False, **seams: object) -> Plan:
    """Return a plan for the small board."""
    return Plan(old, new, (KEY.public,), BOARD, exhaustive, **seams)  # type: ignore[arg-type]


class ForgetfulJournal(Journal):
    """A journal that leaves out the writes that `omits` says: the planted bug."""

    def __init__(self, hardware: Hardware, omits: Callable[[State], bool]) -> None:
        super().__init__(hardware.external, hardware.layout.journal)
        self._omits = omits

    def append(self, kind: int, payload: bytes) -> None:
        """Write, or not."""
        if kind != STATE or not self._omits(self.state):
            super().append(kind, payload)


class TrustingJournal(Journal):
    """A journal that takes what it found for firm, and does not write it again."""

    def __init__(self, hardware: Hardware) -> None:
        super().__init__(hardware.external, hardware.layout.journal)
        self._mounting = False

    def mount(self) -> None:
        """Read, and write nothing."""
        self._mounting = True
        super().mount()
        self._mounting = False

    def append(self, kind: int, payload: bytes) -> None:
        """Write, except when coming up."""
        if not self._mounting:
            super().append(kind, payload)


def test_every_point_passes() -> None:
    """However often the power fails, at whatever operation and in whatever way, no promise is broken."""
    outcome = prove(plan(exhaustive=True, test=SMALL_TEST), workers=2)
    assert outcome.findings == ()
    by_name = {section.name: section for section in outcome.sections}
    paths = {"update", "revert", "keys", "restore", "factory", "failed"}
    assert set(by_name) == {*paths, "network", "lies", "decay"}
    for name in paths:
        assert by_name[name].points == 5 * by_name[name].operations > 0


def test_every_point_passes_with_patches() -> None:
    """The same where the layer comes as a patch, which is fetched, kept and applied in the face of every cut."""
    image = application(1, 9000).data
    changed = create(Image(image[:4000] + b"one line" + image[4000:]), ManifestOptions(), KEY, region=BOARD.flash.size)
    server = BundleServer(bundle(1, 9000), changed, make_patch=make_patch)
    outcome = prove(plan(bundle(1, 9000), changed, exhaustive=True, make_patch=make_patch), workers=2)
    assert outcome.findings == ()
    update, patch = outcome.sections[:2]
    assert (update.name, patch.name) == ("update", "patch")
    assert patch.operations != update.operations
    name = hashlib.sha256(image[:4000] + b"one line" + image[4000:]).hexdigest()
    part = server.patch(name, hashlib.sha256(image).hexdigest(), 0, 9000)
    assert part is not None
    assert part.total < 500


def test_the_result_does_not_depend_on_the_processors() -> None:
    """One process and two find the same, to the last number."""
    one, two = (prove(plan(), workers=workers) for workers in (1, 2))
    assert one.sections == two.sections


def test_progress_reaches_the_end() -> None:
    """Who listens hears of every part, the last time that all is done."""
    heard: list[tuple[int, int]] = []
    outcome = prove(plan(), progress=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (outcome.points, outcome.points)
    assert heard == sorted(heard)


OMISSIONS: dict[str, Callable[[State], bool]] = {
    "fetching": lambda state: state.phase is Phase.FETCHING and state.offset == 0,
    "staged": lambda state: state.phase is Phase.STAGED,
    "installing": lambda state: state.phase is Phase.INSTALLING and state.page < 0,
    "a page": lambda state: state.phase is Phase.INSTALLING and state.page >= 0,
    "trial": lambda state: state.phase is Phase.TRIAL,
    "reverting": lambda state: state.phase is Phase.REVERTING and state.page < 0,
    "confirmed": lambda state: state.phase is Phase.IDLE,
    "a page of test code": lambda state: state.phase is Phase.TESTING and state.page >= 0,
    "test code installed": lambda state: state.phase is Phase.TESTING and state.page < 0,
}


@pytest.mark.parametrize("omitted", OMISSIONS)
def test_an_omitted_write_is_found(omitted: str) -> None:
    """An agent that leaves out any one of its journal writes is caught, and the point fails again when replayed."""
    faulty = plan(make_journal=partial(ForgetfulJournal, omits=OMISSIONS[omitted]), test=SMALL_TEST)
    findings = prove(faulty).findings
    assert findings
    again = replay(faulty, findings[0].point)
    assert again.violation == findings[0].what
    assert replay(plan(test=SMALL_TEST), findings[0].point).violation is None


def test_trust_in_what_only_seems_written_is_found() -> None:
    """An agent that acts on a record which reads well once is caught, when the power fails twice."""
    faulty = plan(exhaustive=True, make_journal=TrustingJournal)
    findings = prove(faulty).findings
    assert findings
    assert replay(faulty, findings[0].point).violation is not None


@pytest.mark.parametrize(
    "point", ["update:3:torn", "update:20:seems-done,1:torn", "network:message-2:half", "lies:huge-total"]
)
def test_a_point_can_be_tried_again(point: str) -> None:
    """A point by its name is tried alone, and tells of every life of the device."""
    result = replay(plan(), point)
    assert result.violation is None
    assert len(result.lives) == str(Point.parse(point)).count(",") + (2 if point.startswith("update") else 1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "update",
        "update:x:torn",
        "update:1:broken",
        "nowhere:1:torn",
        "update:9999999:torn",
        "lies:no-such",
        "network:message-1:no-such",
        "decay:internal-9999",
        "nothing:lies",
    ],
)
def test_a_point_that_there_is_not_is_refused(name: str) -> None:
    """A name that means nothing is an error that says what there is."""
    with pytest.raises(ProofError):
        replay(plan(), name)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [(OLD, OLD, "the same application"), (bundle(1, 1500), bundle(1, 1500), "the same application")],
)
def test_bundles_that_prove_nothing_are_refused(old: bytes, new: bytes, words: str) -> None:
    """There is no way from an application to itself, nor to its own test code."""
    with pytest.raises(ProofError, match=words):
        prove(plan(old, new))
    with pytest.raises(ProofError, match=words):
        prove(plan(test=SMALL_NEW))


class HastyJournal(Journal):
    """A journal that takes the factory's test for passed."""

    def __init__(self, hardware: Hardware) -> None:
        super().__init__(hardware.external, hardware.layout.journal)

    def mount(self) -> None:
        """Read, and forget the test."""
        super().mount()
        if self.state.phase is Phase.TESTING:
            self.state = replace(self.state, phase=Phase.INSTALLING)


def test_an_application_that_runs_untested_is_found() -> None:
    """The final application may run after a passed test alone, even where nothing else fails."""
    with pytest.raises(ProofError, match="lets the new application run"):
        prove(plan(make_journal=HastyJournal, test=SMALL_TEST))


def test_an_update_that_the_device_refuses_is_refused() -> None:
    """A new bundle that may not replace the old one is an error that says why."""
    with pytest.raises(ProofError, match="rollback counter is 0"):
        prove(plan(bundle(1, 1500, options=ManifestOptions(rollback_counter=3)), SMALL_NEW))


def test_reports_tell_what_was_found() -> None:
    """Page and document name every finding with the command that tries it again."""
    outcome = prove(plan(make_journal=partial(ForgetfulJournal, omits=OMISSIONS["staged"])))
    commands = {finding.point: f"again <{finding.point}>" for finding in outcome.findings}
    page = as_html(outcome, "a < b", commands)
    assert "a &lt; b" in page
    assert f"again &lt;{outcome.findings[0].point}&gt;" in page
    document = as_document(outcome, commands)
    assert document["passed"] is False
    assert document["points"] == outcome.points
