"""A call as a person reads it: `mvServerLog(message="hello", length_bytes=5)`, then `=> MV_STATUS_OKAY`.

Everything comes in two forms: text for a console, and plain values for JSON. Bytes are shown as quoted ASCII with
escapes, cut after 64; enums by name; handles and addresses in hexadecimal; structs are opened where an argument points
at one, but pointers inside them are not followed further. `0xDEAD0000!` is a pointer to where there is no memory.

A guest may pass anything: no value makes this raise. Secrets are shown as their length and the beginning of their
SHA-256, which is enough to tell two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mvsdk.abi.model import CType, Direction, Enum, Field, Parameter, Show, Struct, Syscall

ReadMemory = Callable[[int, int], bytes]
"""Return `size` bytes of guest memory at an address, or raise `LookupError` where there is none."""

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

_ADDRESS_SPACE = 1 << 32
_TEXT_LIMIT = 64
_ARRAY_LIMIT = 16
_HASH_LIMIT = 4096


class Shown(NamedTuple):
    """One value: as text, and as a value that JSON can hold."""

    text: str
    data: Json


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """A call as it was made."""

    name: str
    arguments: Mapping[str, Shown]

    def __str__(self) -> str:
        return f"{self.name}({_pairs(self.arguments)})"

    def as_dict(self) -> dict[str, Json]:
        """Return {"call": name, "arguments": {name: value}}."""
        return {"call": self.name, "arguments": _data(self.arguments)}


@dataclass(frozen=True, slots=True)
class DecodedResult:
    """What a call gave back: its status and, if it succeeded, what it wrote."""

    status: Shown
    outputs: Mapping[str, Shown]

    def __str__(self) -> str:
        return f"=> {self.status.text}" + (f", {_pairs(self.outputs)}" if self.outputs else "")

    def as_dict(self) -> dict[str, Json]:
        """Return {"status": name, "outputs": {name: value}}."""
        return {"status": self.status.data, "outputs": _data(self.outputs)}


def decode_call(syscall: Syscall, registers: Sequence[int], read: ReadMemory) -> DecodedCall:
    """Return a call as it is made; `registers` are r0 to r3 at the gateway."""
    view, values = _View(read), syscall.arguments(registers)
    return DecodedCall(syscall.name, {p.name: view.before(p, values, "", p.show) for p in syscall.parameters})


def decode_result(syscall: Syscall, registers: Sequence[int], result: int, read: ReadMemory) -> DecodedResult:
    """Return what a call gave back; `registers` are r0 to r3 as they were at the gateway, `result` is r0 now.

    Outputs are shown on success only: any other status leaves them as they were.
    """
    view, values = _View(read), syscall.arguments(registers)
    outputs: dict[str, Shown] = {}
    if result == 0:
        for parameter in syscall.parameters:
            shown = view.after(parameter, values, "", parameter.show)
            if shown is not None:
                outputs[parameter.name] = shown
    return DecodedResult(_scalar(syscall.returns, result, Show.PLAIN), outputs)


class _View:
    """Guest memory, seen through types. `prefix` is the path of the struct that a field's siblings are found under."""

    def __init__(self, read: ReadMemory) -> None:
        self._read = read

    def before(self, item: Parameter | Field, values: Mapping[str, int], prefix: str, show: Show) -> Shown:
        """Show an argument or field as it is passed in."""
        definition, pointee = item.type.definition, item.type.pointee
        if isinstance(definition, Struct):
            return self._fields(definition, values, f"{prefix}{item.name}.", show)
        value = values[prefix + item.name]
        if pointee is None:
            return _scalar(item.type, value, show)
        length = _length(item, values, prefix)
        if item.direction in (Direction.IN, Direction.INOUT) and (_is_buffer(item) or isinstance(item, Parameter)):
            return self._target(item, pointee, value, length, show)
        return self._address(value, length)

    def after(self, item: Parameter | Field, values: Mapping[str, int], prefix: str, show: Show) -> Shown | None:
        """Show what the kernel wrote through an argument or field, if anything."""
        definition, pointee = item.type.definition, item.type.pointee
        if isinstance(definition, Struct):
            return self._outputs(definition, values, f"{prefix}{item.name}.", show)
        if pointee is None or item.direction is Direction.RETAIN:
            return None
        value = values[prefix + item.name]
        if item.direction is not Direction.IN:
            return self._target(item, pointee, value, self._filled(item, values, prefix), show)
        if isinstance(item, Parameter) and isinstance(pointee.definition, Struct):
            data = self._fetch(value, pointee.size)
            return (
                None if data is None else self._outputs(pointee.definition, pointee.definition.unpack(data), "", show)
            )
        return None

    def _outputs(self, struct: Struct, values: Mapping[str, int], prefix: str, show: Show) -> Shown | None:
        """Show what the kernel wrote through the pointers of a struct, if anything."""
        if struct.text is not None:
            return self.after(struct.text, values, prefix, _inherited(show, struct.text))
        written: dict[str, Shown] = {}
        for field in struct.fields:
            shown = self.after(field, values, prefix, _inherited(show, field))
            if shown is not None:
                written[field.name] = shown
        return _braces(written) if written else None

    def _fields(self, struct: Struct, values: Mapping[str, int], prefix: str, show: Show) -> Shown:
        if struct.text is None:
            return _braces({f.name: self.before(f, values, prefix, _inherited(show, f)) for f in struct.fields})
        shown = self.before(struct.text, values, prefix, _inherited(show, struct.text))
        if struct.text.direction is Direction.IN:
            return shown
        capacity = _length(struct.text, values, prefix)
        return Shown(f"{shown.text}[{capacity}]", {"address": shown.data, "size": capacity})

    def _target(self, item: Parameter | Field, pointee: CType, address: int, length: int, show: Show) -> Shown:
        """Show the `length` bytes that `item` points at: a buffer, several values, a struct or one value."""
        if not address:
            return _NULL
        if _is_buffer(item):
            return self._bytes(address, length, show)
        if isinstance(item.extent, str):
            return self._array(pointee, address, length, show)
        data = self._fetch(address, pointee.size)
        if data is None:
            return _bad(address)
        if isinstance(pointee.definition, Struct):
            return self._fields(pointee.definition, pointee.definition.unpack(data), "", show)
        return _scalar(pointee, int.from_bytes(data, "little"), show)

    def _array(self, pointee: CType, address: int, length: int, show: Show) -> Shown:
        size, count = pointee.size, length // pointee.size
        data = self._fetch(address, min(count, _ARRAY_LIMIT) * size)
        if data is None or isinstance(pointee.definition, Struct):
            return self._address(address, length)
        shown = [
            _scalar(pointee, int.from_bytes(data[start : start + size], "little"), show)
            for start in range(0, len(data), size)
        ]
        more = ", ..." if count > _ARRAY_LIMIT else ""
        return Shown(f"[{', '.join(item.text for item in shown)}{more}]", [item.data for item in shown])

    def _bytes(self, address: int, length: int, show: Show) -> Shown:
        if not address:
            return _NULL
        if show is Show.SECRET:
            return self._secret(address, length)
        data = self._fetch(address, min(length, _TEXT_LIMIT))
        if data is None:
            return _bad(address)
        more = "..." if length > _TEXT_LIMIT else ""
        text = data.decode("latin-1").translate(_ESCAPES)
        return Shown(f'"{text}"{more}', {"text": data.decode(errors="backslashreplace"), "length": length})

    def _secret(self, address: int, length: int) -> Shown:
        from hashlib import sha256

        if length > _HASH_LIMIT:
            return Shown(f"<{length} bytes>", {"length": length})
        data = self._fetch(address, length)
        if data is None:
            return _bad(address)
        digest = sha256(data).hexdigest()[:8]
        return Shown(f"<{length} bytes, sha256 {digest}>", {"length": length, "sha256": digest})

    def _address(self, address: int, length: int) -> Shown:
        """Show a pointer itself, marked if there is no memory where it points."""
        if not address:
            return _NULL
        if self._fetch(address, min(length, _TEXT_LIMIT)) is None:
            return _bad(address)
        return Shown(_hex(address), _hex(address))

    def _filled(self, item: Parameter | Field, values: Mapping[str, int], prefix: str) -> int:
        """Return how many bytes the kernel wrote where `item` points, or all it might have if that is not told."""
        if isinstance(item, Field) and item.filled is not None and item.type.pointee is not None:
            data = self._fetch(values[prefix + item.filled], 4)
            if data is not None:
                return int.from_bytes(data, "little") * item.type.pointee.size
        return _length(item, values, prefix)

    def _fetch(self, address: int, size: int) -> bytes | None:
        if not size:
            return b""
        if address + size > _ADDRESS_SPACE:
            return None
        try:
            data = self._read(address, size)
        except LookupError:
            return None
        return data if len(data) == size else None


_NULL = Shown("NULL", None)
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


def _scalar(ctype: CType, value: int, show: Show) -> Shown:
    if isinstance(ctype.definition, Enum):
        return _enum(ctype.definition, value)
    if ctype.kind == "pointer" and not value:
        return _NULL
    if ctype.kind in ("pointer", "handle") or show is Show.HEX:
        return Shown(_hex(value), _hex(value))
    return Shown(str(value), value)


def _enum(definition: Enum, value: int) -> Shown:
    name = definition.name_of(value)
    if name is None and definition.flags:
        known = [(member, bit) for member, bit in definition.members.items() if bit & value]
        rest = value & ~sum(bit for _, bit in known)
        name = "|".join([*(member for member, _ in known), *([f"{rest:#x}"] if rest else [])])
    if name is None:
        return Shown(f"{definition.name}({value})", value)
    return Shown(name, name)


def _length(item: Parameter | Field, values: Mapping[str, int], prefix: str) -> int:
    if isinstance(item.extent, str):
        return values[prefix + item.extent] * item.unit
    return item.extent or 0


def _is_buffer(item: Parameter | Field) -> bool:
    """Whether `item` points at counted bytes, as against one byte that stands for a number."""
    return item.type.is_bytes and isinstance(item.extent, str)


def _inherited(outer: Show, field: Field) -> Show:
    return field.show if outer is Show.PLAIN else outer


def _bad(address: int) -> Shown:
    return Shown(f"{_hex(address)}!", {"address": _hex(address), "bad": True})


def _hex(value: int) -> str:
    return f"0x{value:08X}"


def _braces(shown: Mapping[str, Shown]) -> Shown:
    return Shown(f"{{{_pairs(shown)}}}", _data(shown))


def _pairs(shown: Mapping[str, Shown]) -> str:
    return ", ".join(f"{name}={value.text}" for name, value in shown.items())


def _data(shown: Mapping[str, Shown]) -> dict[str, Json]:
    return {name: value.data for name, value in shown.items()}
