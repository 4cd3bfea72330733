"""Cohorts: which devices somebody means, in a small language that becomes one SQL condition.

    tag=kitchen and app<1.4 and not online
    (name=cellar or tag="first floor") and fact.kernel >= 0.5.1

    expression  =  term { "or" term }
    term        =  factor { "and" factor }
    factor      =  "not" factor  |  "(" expression ")"  |  "all"  |  "online"  |  comparison
    comparison  =  subject ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value

Subjects: `tag`, `name`, `sid`, `software`, `wake` (compared with = and != only), `away` (since when a device is out of
touch, compared with a length of time such as 30d, with < <= > >= only), `app` (what the device reports to run:
an app's SID, unique name, or the version at its end) and `fact.NAME` (what the device says of itself). < and > compare
versions. What a device has not said equals nothing and is neither smaller nor greater.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mvsdk.cloud import versions
from mvsdk.cloud.database import Value
from mvsdk.cloud.errors import CohortError
from mvsdk.cloud.store.sessions import STALE_US

LENGTH = 1000
"""Characters of an expression, at most."""
_DEPTH = 30
_TOKEN = re.compile(r'\s*(?:([()])|(<=|>=|!=|=|<|>)|"([^"]*)"|([^\s()<>=!"]+))')
_TEXTS = {"name": "unique_name", "sid": "sid", "software": "software", "wake": "wake_reason"}
_FACT = "fact."
_LENGTH = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_OPERATORS = {"=": "=", "!=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
"""What an operator is in SQL; != is what = is not."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """A condition on rows of `devices`, with its parameters at a moment."""

    sql: str
    _parameters: tuple[Value | Callable[[int], Value], ...] = ()

    def parameters(self, now_us: int) -> list[Value]:
        """Return the values for the placeholders in `sql`."""
        return [value(now_us) if callable(value) else value for value in self._parameters]


def parse(text: str) -> Cohort:
    """Return what an expression means. Raises CohortError, which names the column where it goes wrong."""
    if len(text) > LENGTH:
        raise CohortError(f"the cohort has {len(text)} characters, {LENGTH} are allowed", LENGTH + 1)
    parser = _Parser(_tokens(text), len(text.rstrip()) + 1)
    cohort = parser.expression(0)
    parser.end()
    return cohort


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            column = place + len(text[place:]) - len(text[place:].lstrip()) + 1
            first = text[column - 1]
            what = "a quotation mark is not closed" if first == '"' else f"nothing begins with {first!r}"
            raise CohortError(f"cohort, column {column}: {what}", column)
        kinds = ("bracket", "operator", "quoted", "word")
        groups = zip(kinds, match.groups(), strict=True)
        kind, found = next((kind, found) for kind, found in groups if found is not None)
        if "\0" in found:
            raise CohortError(f"cohort, column {match.start() + 1}: a zero character", match.start() + 1)
        tokens.append(_Token(kind, found, match.start(match.lastindex or 0) + 1))
        place = match.end()
    return tokens


class _Parser:
    """Reads tokens from left to right; `end_column` is where the text ends."""

    def __init__(self, tokens: list[_Token], end_column: int) -> None:
        self._tokens = tokens
        self._end = _Token("end", "the end", end_column)
        self._place = 0

    def expression(self, depth: int) -> Cohort:
        """Read terms with "or" between them."""
        return self._joined("or", lambda: self._joined("and", lambda: self._factor(depth + 1)))

    def end(self) -> None:
        """Raise unless everything was read."""
        if self._next.kind != "end":
            raise self._unexpected('"and", "or" or the end')

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _took(self, kind: str, text: str) -> bool:
        there = (self._next.kind, self._next.text) == (kind, text)
        if there:
            self._place += 1
        return there

    def _unexpected(self, wanted: str) -> CohortError:
        found = self._next
        shown = found.text if found.kind == "end" else f"'{found.text}'"
        return CohortError(f"cohort, column {found.column}: {wanted} is expected, not {shown}", found.column)

    def _joined(self, word: str, part: Callable[[], Cohort]) -> Cohort:
        parts = [part()]
        while self._took("word", word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        sql = f" {word.upper()} ".join(f"({one.sql})" for one in parts)
        return Cohort(sql, tuple(value for one in parts for value in one._parameters))

    def _factor(self, depth: int) -> Cohort:
        if depth > _DEPTH:
            raise CohortError(f"cohort, column {self._next.column}: nested too deeply", self._next.column)
        if self._took("word", "not"):
            return _not(self._factor(depth + 1))
        if self._took("bracket", "("):
            inside = self.expression(depth)
            if not self._took("bracket", ")"):
                raise self._unexpected('")"')
            return inside
        if self._took("word", "all"):
            return Cohort("1 = 1")
        if self._took("word", "online"):
            return Cohort("devices.session IS NOT NULL AND devices.seen_us > ?", (lambda now_us: now_us - STALE_US,))
        return self._comparison()

    def _comparison(self) -> Cohort:
        subject = self._next
        known = subject.text in {"tag", "app", "away", *_TEXTS} or (
            subject.text.startswith(_FACT) and subject.text != _FACT
        )
        if subject.kind != "word" or not known:
            raise self._unexpected(f"a condition (tag, app, {', '.join(_TEXTS)}, fact.NAME, away, online, all)")
        self._take()
        if self._next.kind != "operator":
            raise self._unexpected(f"a comparison after '{subject.text}'")
        operator = self._take()
        if self._next.kind not in {"word", "quoted"}:
            raise self._unexpected("a value")
        value = self._take()
        compared = _compared(subject, operator, value)
        return _not(compared) if operator.text == "!=" else compared


def _not(cohort: Cohort) -> Cohort:
    return Cohort(f"NOT ({cohort.sql})", cohort._parameters)


def _compared(subject: _Token, operator: _Token, value: _Token) -> Cohort:
    """Return a comparison, as if != were =."""
    equals = operator.text in {"=", "!="}
    if subject.text == "away":
        return _away(operator, value)
    version = versions.ordered(value.text)
    if subject.text == "app" or subject.text.startswith(_FACT):
        if not equals and version is None:
            raise CohortError(f"cohort, column {value.column}: '{value.text}' is no version such as 1.4", value.column)
        return _app(operator, value, version) if subject.text == "app" else _fact(subject, operator, value, version)
    if not equals:
        column = operator.column
        raise CohortError(f"cohort, column {column}: '{subject.text}' is compared with = and != only", column)
    if subject.text == "tag":
        return Cohort("EXISTS (SELECT 1 FROM tags WHERE device_sid = devices.sid AND tag = ?)", (value.text,))
    return Cohort(f"coalesce(devices.{_TEXTS[subject.text]}, '') = ?", (value.text,))


def _away(operator: _Token, value: _Token) -> Cohort:
    if operator.text in {"=", "!="}:
        column = operator.column
        raise CohortError(f"cohort, column {column}: 'away' is compared with <, <=, > and >= only", column)
    match = _LENGTH.fullmatch(value.text)
    if match is None:
        raise CohortError(
            f"cohort, column {value.column}: '{value.text}' is no length of time such as 30d", value.column
        )
    length_us = int(match[1]) * _SECONDS[match[2]] * 1_000_000
    sql = f"devices.seen_us IS NOT NULL AND ? - devices.seen_us {_OPERATORS[operator.text]} ?"
    return Cohort(sql, (lambda now_us: now_us, length_us))


def _app(operator: _Token, value: _Token, version: str | None) -> Cohort:
    found = "EXISTS (SELECT 1 FROM apps WHERE apps.sid = devices.reported_sid AND ({}))"
    parameters: tuple[Value, ...]
    if operator.text in {"=", "!="}:
        condition, parameters = "apps.sid = ? OR apps.unique_name = ?", (value.text, value.text)
        if version is not None:
            condition, parameters = f"{condition} OR apps.version = ?", (*parameters, version)
    else:
        condition, parameters = f"apps.version {_OPERATORS[operator.text]} ?", (version,)
    return Cohort(found.format(condition), parameters)


def _fact(subject: _Token, operator: _Token, value: _Token, version: str | None) -> Cohort:
    name = subject.text.removeprefix(_FACT)
    found = "EXISTS (SELECT 1 FROM facts WHERE device_sid = devices.sid AND name = ? AND {})"
    if operator.text in {"=", "!="}:
        return Cohort(found.format("value = ?"), (name, value.text))
    return Cohort(found.format(f"version {_OPERATORS[operator.text]} ?"), (name, version))
