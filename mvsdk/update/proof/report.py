"""What came of a proof, for people and for programs."""

from __future__ import annotations

from html import escape

from mvsdk.update.proof.prove import Outcome, Section

_SHOWN = 200
"""Findings of a section that a page shows; they tend to be the same again and again."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .8rem .3rem 0 }
td.number { text-align: right; font-variant-numeric: tabular-nums } code { background: #f3f4f6; padding: .1rem .3rem }
.good { color: #116329 } .bad { color: #a40e26 }
"""


def as_document(outcome: Outcome, commands: dict[str, str]) -> dict[str, object]:
    """Return a proof as what becomes one JSON object. `commands` says for each finding how it is tried again."""
    return {
        "passed": not outcome.findings,
        "exhaustive": outcome.exhaustive,
        "points": outcome.points,
        "seconds": round(outcome.seconds, 3),
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "operations": section.operations,
                "points": section.points,
                "states": section.states,
                "findings": [
                    {"point": each.point, "what": each.what, "command": commands[each.point]}
                    for each in section.findings
                ],
            }
            for section in outcome.sections
        ],
    }


def as_html(outcome: Outcome, title: str, commands: dict[str, str]) -> str:
    """Return a proof as one page without anything from elsewhere."""
    count = len(outcome.findings)
    verdict = f'<span class="bad">{count} broken promises</span>' if count else '<span class="good">passed</span>'
    rows = "".join(map(_row, outcome.sections))
    findings = "".join(_findings(section, commands) for section in outcome.sections if section.findings)
    often = "however often" if outcome.exhaustive else "once"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}: {verdict}</h1>"
        f"<p>{outcome.points} points tried in {outcome.seconds:.1f} s. Where the power fails, it fails {often}.</p>"
        '<table><tr><th>section<th><th class="number">operations<th class="number">points'
        f'<th class="number">states<th class="number">broken</tr>{rows}</table>{findings}</html>\n'
    )


def _row(section: Section) -> str:
    numbers = (section.operations, section.points, section.states, len(section.findings))
    cells = "".join(f'<td class="number">{number or ""}' for number in numbers)
    return f"<tr><td><code>{escape(section.name)}</code><td>{escape(section.title)}{cells}</tr>"


def _findings(section: Section, commands: dict[str, str]) -> str:
    items = "".join(
        f'<li><span class="bad">{escape(each.what)}</span><br><code>{escape(commands[each.point])}</code></li>'
        for each in section.findings[:_SHOWN]
    )
    more = f"<p>and {len(section.findings) - _SHOWN} more</p>" if len(section.findings) > _SHOWN else ""
    return f"<h2>{escape(section.name)}</h2><ol>{items}</ol>{more}"
