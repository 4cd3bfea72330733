"""How far an update is, from the agent's phase and reports to what the session tells the cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvsdk.link import UpdateProgress, UpdateState
from mvsdk.update import Agent, Event, Phase, Refusal, Report

if TYPE_CHECKING:
    from collections.abc import Callable

ABANDONED_CODE = 30
"""The `error_code` of an update that the device gave up before it was installed; refusals have `Refusal.code`."""
_PHASES: dict[Phase, UpdateState] = {
    Phase.FETCHING: "downloading",
    Phase.STAGED: "staged",
    Phase.INSTALLING: "installing",
    Phase.TRIAL: "trial",
}


class Progress:
    """Tells `say` of every end at once, and when `look` is called how far it is, if that is not what was told before.

    `waits` says whether the application is being waited for.
    """

    def __init__(self, agent: Agent, say: Callable[[UpdateProgress], None], waits: Callable[[], bool]) -> None:
        self._agent, self._say, self._waits = agent, say, waits
        self._said: UpdateProgress | None = None
        self._forced = ""

    def hear(self, report: Report) -> None:
        """Take note of what the agent reports."""
        match report.event:
            case Event.FORCED:
                self._forced = report.text
            case Event.CONFIRMED:
                self._tell(report.about, "confirmed")
            case Event.REVERTED | Event.NO_APPLICATION:
                self._tell(report.about, "reverted", report.text)
            case Event.REFUSED if report.refusal is Refusal.FAILED_BEFORE:
                self._tell_again(report)
            case Event.REFUSED if report.refusal is not None:
                self._tell(report.about, "error", report.text, report.refusal.code)
            case Event.ABANDONED:
                self._tell(report.about, "error", report.text, ABANDONED_CODE)
            case _:
                pass  # what lasts longer than a moment is told by `look`

    def look(self) -> None:
        """Tell how far it is, if it is on its way and further than was told."""
        state = self._agent.state
        shown, content = _PHASES.get(state.phase), state.slots[state.staging]
        if shown is not None and content is not None:
            forced = self._forced if shown == "installing" else ""
            self._tell(content.manifest_hash, "waiting" if shown == "staged" and self._waits() else shown, forced)
            self._forced = self._forced if shown in ("staged", "installing") else ""

    def _tell_again(self, report: Report) -> None:
        """Tell of a bundle that has failed here before, unless it was told just now, and better."""
        said = self._said
        if said is None or (said.app_hash, said.state) != (_named(report.about), "reverted"):
            self._tell(report.about, "reverted", report.text)

    def _tell(self, about: bytes, state: UpdateState, reason: str = "", code: int = 0) -> None:
        """Tell it of a bundle; what concerns none is not for the cloud."""
        status = self._agent.status
        told = UpdateProgress(
            app_hash=_named(about),
            state=state,
            bytes_done=status.fetched,
            bytes_total=status.expected,
            bytes_reused=status.reused,
            delta=status.delta,
            reason=reason,
            error_code=code,
        )
        if about and told != self._said:
            self._said = told
            self._say(told)


def _named(manifest_hash: bytes) -> str:
    return f"sha256:{manifest_hash.hex()}"
