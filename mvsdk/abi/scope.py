"""The C types a database may use: the fixed-width integers, and what its own tables declare, from there on down."""

from __future__ import annotations

import re

from mvsdk.abi.model import CType, Enum, Handle, Struct

POINTER_SIZE = 4

_INTEGERS = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}
_SPELLING = re.compile(r"(const )?((?:enum |struct )?[A-Za-z_][A-Za-z0-9_]*)(?: (\*+))?")


class Scope:
    """Types by spelling. A type must be declared before its first use, as in C."""

    def __init__(self) -> None:
        self._bases = {name: CType(name, "integer", size, size, name) for name, size in _INTEGERS.items()}
        self._bases["void"] = CType("void", "void", 0, 1, "void")
        self._parsed: dict[str, CType] = {}
        self._names: set[str] = set(self._bases)

    def declare(self, definition: Enum | Handle | Struct) -> bool:
        """Make a type known. Returns False if one of its names is taken: C++ has one space for tags and types."""
        names = {definition.name, definition.tag} if isinstance(definition, Handle) else {definition.name}
        if names & self._names:
            return False
        self._names |= names
        base = _ctype(definition)
        self._bases[base.spelling] = base
        return True

    def parse(self, spelling: str) -> CType | None:
        """Return the type with this spelling, or None if it is not one or its base is not declared."""
        known = self._parsed.get(spelling)
        if known is None:
            known = self._parse(spelling)
            if known is not None:
                self._parsed[spelling] = known
        return known

    def _parse(self, spelling: str) -> CType | None:
        match = _SPELLING.fullmatch(spelling)
        if match is None or match[2] not in self._bases:
            return None
        base, stars = self._bases[match[2]], match[3] or ""
        if match[1]:
            if not stars:
                return None
            base = CType(
                f"const {base.spelling}",
                base.kind,
                base.size,
                base.alignment,
                base.name,
                const=True,
                definition=base.definition,
            )
        for depth in range(1, len(stars) + 1):
            pointer = f"{match[1] or ''}{match[2]} {'*' * depth}"
            base = CType(pointer, "pointer", POINTER_SIZE, POINTER_SIZE, base.name, pointee=base)
        return base


def _ctype(definition: Enum | Handle | Struct) -> CType:
    name = definition.name
    match definition:
        case Enum(size=size):
            return CType(f"enum {name}", "enum", size, size, name, definition=definition)
        case Struct(size=size, alignment=alignment):
            return CType(f"struct {name}", "struct", size, alignment, name, definition=definition)
        case Handle():
            return CType(name, "handle", POINTER_SIZE, POINTER_SIZE, name, definition=definition)
