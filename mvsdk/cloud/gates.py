"""Gates: what has to be true of updated devices for a rollout to go on, and what makes it stop.

    crash_rate < 1% and online > 95% for 10m          a gate: all of it, and for so long
    reverted > 2% or failed > 10%                     what to abort on: any of it

    gate       =  condition { "and" condition }  [ "for" number ( "s" | "m" | "h" | "d" ) ]
    abort on   =  condition { "or" condition }
    condition  =  metric ( "<" | "<=" | ">" | ">=" ) number [ "%" ]

Metrics are shares of the devices whose update is over, in whatever way: `crash_rate` have crashed since they began to
run the app, `online` are in touch, `reverted` went back, `failed` went back or could not, `updated` kept it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mvsdk.cloud.errors import GateError

METRICS = ("crash_rate", "online", "reverted", "failed", "updated")
LENGTH = 500
"""Characters of a gate, at most."""
_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(r"\s*(<=|>=|<|>|%|[A-Za-z_]+|[0-9]{1,9}(?:\.[0-9]{1,6})?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Condition:
    """A share of devices compared with a percentage."""

    metric: str
    operator: str
    percent: Fraction

    def holds(self, shares: Mapping[str, Fraction]) -> bool:
        """Return whether it is true of shares between 0 and 1."""
        return _COMPARE[self.operator](shares[self.metric] * 100, self.percent)

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {float(self.percent):g}%"


@dataclass(frozen=True, slots=True)
class Gate:
    """Conditions, and for how long a gate's have to hold, in microseconds."""

    conditions: tuple[Condition, ...]
    for_us: int = 0


def parse_gate(text: str) -> Gate:
    """Read a gate. Raises GateError, which names the column."""
    reader = _Reader("gate", text)
    conditions = reader.conditions("and")
    for_us = reader.duration_us() if reader.took("for") else 0
    reader.end()
    return Gate(conditions, for_us)


def parse_abort_on(text: str) -> Gate:
    """Read what to abort on; nothing at all is never. Raises GateError, which names the column."""
    if not text.strip():
        return Gate(())
    reader = _Reader("abort-on", text)
    conditions = reader.conditions("or")
    reader.end()
    return Gate(conditions)


class _Reader:
    """Reads the tokens of `text` from left to right."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        if len(text) > LENGTH:
            raise GateError(f"{name}: {len(text)} characters, {LENGTH} are allowed", LENGTH + 1)
        self._tokens: list[tuple[str, int]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                column = len(text) - len(text[place:].lstrip()) + 1
                raise GateError(f"{name}, column {column}: nothing begins with {text[column - 1]!r}", column)
            self._tokens.append((match[1], match.start(1) + 1))
            place = match.end()
        self._tokens.append(("", len(text.rstrip()) + 1))

    def conditions(self, word: str) -> tuple[Condition, ...]:
        """Read conditions with a word between them."""
        found = [self._condition()]
        while self.took(word):
            found.append(self._condition())
        return tuple(found)

    def took(self, token: str) -> bool:
        """Take a token if it is the next."""
        there = self._tokens[0][0] == token
        if there:
            self._tokens.pop(0)
        return there

    def duration_us(self) -> int:
        """Read a length of time."""
        column = self._tokens[0][1]
        number = self._number("a length of time such as 10m")
        unit = self._take(lambda token: token in _SECONDS, "s, m, h or d")
        seconds = number * _SECONDS[unit]
        if seconds > _LONGEST_S:
            raise GateError(f"{self._name}, column {column}: longer than 30 days", column)
        return int(seconds * 1_000_000)

    def end(self) -> None:
        """Raise unless everything was read."""
        self._take(lambda token: not token, "the end")

    def _condition(self) -> Condition:
        metric = self._take(lambda token: token in METRICS, f"one of {', '.join(METRICS)}")
        sign = self._take(lambda token: token in _COMPARE, "<, <=, > or >=")
        percent = self._number("a percentage")
        self.took("%")
        return Condition(metric, sign, percent)

    def _number(self, wanted: str) -> Fraction:
        return Fraction(self._take(lambda token: token[:1].isdigit(), wanted))

    def _take(self, fits: Callable[[str], bool], wanted: str) -> str:
        token, column = self._tokens[0]
        if not fits(token):
            found = f"'{token}'" if token else "the end"
            raise GateError(f"{self._name}, column {column}: {wanted} is expected, not {found}", column)
        if token:
            self._tokens.pop(0)
        return token
