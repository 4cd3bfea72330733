"""Names of what is tried: short, and enough to try exactly that again.

update:1234:torn                the power fails at operation 1234 of the scenario `update`
update:1234:torn,3:after        and again at operation 3 after it came back
update:message-12:half          the 12th answer of the server comes by half
lies:endless-layer              the server lies in this way
decay:internal-3                page 3 of internal flash has lost a bit
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mvsdk.flash_memory import Cut, Mess
from mvsdk.update.errors import ProofError

_CUT = re.compile(r"(\d{1,9}):([a-z-]+)")
_POINT = re.compile(r"([a-z]+):([a-z0-9:,-]+)")


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to try: losses of power in a scenario, or another `fault` by its name."""

    scenario: str
    cuts: tuple[Cut, ...] = ()
    fault: str = ""

    def __str__(self) -> str:
        what = self.fault or ",".join(f"{cut.at}:{cut.mess.value}" for cut in self.cuts)
        return f"{self.scenario}:{what}"

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read a name. Raises ProofError."""
        found = _POINT.fullmatch(text)
        if found is None:
            raise _unknown(text)
        scenario, what = found.groups()
        if not what[0].isdigit():
            return cls(scenario, fault=what)
        cuts = []
        for each in what.split(","):
            cut = _CUT.fullmatch(each)
            if cut is None or cut[2] not in (mess.value for mess in Mess):
                raise _unknown(text)
            cuts.append(Cut(int(cut[1]), Mess(cut[2])))
        return cls(scenario, tuple(cuts))


def _unknown(text: str) -> ProofError:
    messes = ", ".join(mess.value for mess in Mess)
    return ProofError(
        f"'{text}' is no point of a proof", f"points look like update:1234:torn; the power fails {messes}"
    )
