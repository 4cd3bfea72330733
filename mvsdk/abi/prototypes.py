"""Call prototypes as NuttX's database spells them (NuttX documentation, "SYSCALL database").

    "name","header","condition","return type","parameter type",...

A parameter is a plain type, `formal|actual` (the prototype's type and the one it arrives as), or
`union X|actual|member`. `...` stands before the types of optional parameters; as the last field it leaves their number
and types open.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mvsdk.abi.errors import ContradictionError, TableError
from mvsdk.abi.tables import QuotedLine, read_quoted_table

_ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class FormalParameter:
    """A parameter: its type in the prototype, the type it arrives as, and the union member that carries it."""

    formal: str
    actual: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Prototype:
    """One call. Parameters from index `required` on are optional; `open_ended` means yet more may follow."""

    path: Path
    line: int
    name: str
    header: str
    condition: str
    returns: str
    parameters: tuple[FormalParameter, ...]
    required: int
    open_ended: bool

    @property
    def is_plain(self) -> bool:
        """Whether every parameter is required and of one plain type."""
        return (
            not self.open_ended
            and self.required == len(self.parameters)
            and all(p.formal == p.actual and not p.member for p in self.parameters)
        )

    def contradiction(self, what: str, remedy: str) -> ContradictionError:
        """Return the error to raise when this prototype cannot be true."""
        return ContradictionError(self.path, self.line, what, remedy)


def read_prototypes(path: Path) -> dict[str, Prototype]:
    """Return the calls of a database by name, in its order. `AbiError` where a line is wrong or a name comes twice."""
    prototypes: dict[str, Prototype] = {}
    for line in read_quoted_table(path):
        prototype = _prototype(line)
        if prototype.name in prototypes:
            raise prototype.contradiction(
                f"{prototype.name} is declared a second time, after line {prototypes[prototype.name].line}",
                "remove one of the two lines",
            )
        prototypes[prototype.name] = prototype
    return prototypes


def _prototype(line: QuotedLine) -> Prototype:
    name, header, condition, returns, *types = line.fields
    for what, field in (("name", name), ("header", header), ("return type", returns)):
        if not field:
            raise TableError(
                line.path, line.line, f"the {what} is empty", "fill it in; only the condition may be empty"
            )
    if types.count(_ELLIPSIS) > 1:
        raise TableError(line.path, line.line, "'...' comes twice", "write it once, before the optional parameters")
    required = types.index(_ELLIPSIS) if _ELLIPSIS in types else len(types)
    return Prototype(
        path=line.path,
        line=line.line,
        name=name,
        header=header,
        condition=condition,
        returns=returns,
        parameters=tuple(_parameter(line, spelling) for spelling in types if spelling != _ELLIPSIS),
        required=required,
        open_ended=required == len(types) - 1,
    )


def _parameter(line: QuotedLine, spelling: str) -> FormalParameter:
    parts = spelling.split("|")
    is_union = parts[0].startswith("union ")
    if not all(parts) or len(parts) > (3 if is_union else 2) or (is_union and len(parts) == 2):
        raise TableError(
            line.path,
            line.line,
            f"parameter {spelling!r} has none of the known forms",
            "write 'type', 'formal|actual' or 'union X|actual|member'",
        )
    return FormalParameter(parts[0], parts[1] if len(parts) > 1 else parts[0], parts[2] if len(parts) > 2 else "")
