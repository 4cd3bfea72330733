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
        self._about = self._in_slot()
        self._said: UpdateProgress | None = None

    def hear(self, report: Report) -> None:
        """Take note of what the agent reports."""
        match report.event:
            case Event.OFFERED:
                self._about = report.text
            case Event.CONFIRMED:
                self._tell("confirmed")
            case Event.REVERTED | Event.NO_APPLICATION:
                self._tell("reverted", report.text)
            case Event.REFUSED if report.refusal is Refusal.FAILED_BEFORE:
                self._tell("reverted", self._agent.state.reason or report.text)
            case Event.REFUSED if report.refusal is not None and report.refusal not in _OF_KEYS:
                self._tell("error", report.text, report.refusal.code)
            case Event.ABANDONED:
                self._tell("error", report.text, ABANDONED_CODE)
            case _:
                pass  # what lasts longer than a moment is told by `look`

    def look(self) -> None:
        """Tell how far it is, if it is on its way and further than was told."""
        state = _PHASES.get(self._agent.state.phase)
        if state is not None:
            self._about = self._in_slot() or self._about
            self._tell("waiting" if state == "staged" and self._waits() else state)

    def _tell(self, state: UpdateState, reason: str = "", code: int = 0) -> None:
        status = self._agent.status
        told = UpdateProgress(
            app_hash=f"sha256:{self._about}",
            state=state,
            bytes_done=status.fetched,
            bytes_total=status.expected,
            bytes_reused=status.reused,
            delta=status.delta,
            reason=reason,
            error_code=code,
        )
        if self._about and told != self._said:
            self._said = told
            self._say(told)

    def _in_slot(self) -> str:
        """Return the hash of the manifest of what is on its way, as hexadecimal; empty for none."""
        state = self._agent.state
        content = None if state.phase in (Phase.IDLE, Phase.TESTING) else state.slots[state.staging]
        return content.manifest_hash.hex() if content else ""


_OF_KEYS = frozenset({Refusal.WRONG_SEQUENCE, Refusal.KEYS_IN_USE})
"""Refusals that concern no application."""
