"""A device as plain data: what its objects declare in `STATE`, saved and loaded by one walker.

A class that holds part of the device names every attribute that changes in a class attribute `STATE`. A value there is
plain (None, bool, int, float, str, bytes, list, tuple, dict, set, deque, an enum's member, a dataclass of such), or one
of the few kinds that know how to save themselves (`Savable`), a `random.Random`, a method of the object itself, or
another object with `STATE`. Subclasses name their own attributes only. What changes and is no part of the device, such
as a cache, is named in `NOT_STATE`; the tests hold every class to that.

Loading works on a device that has just been made: objects with `STATE` are changed in place, so whatever is wired
between them stays, and plain values are put in. Nothing is ever executed or imported because of what the data says: the
only types it can name are dataclasses and enums of this package that are in memory already.

The data is made of JSON's own types. Everything JSON has no word for is an object with a single key that says what it
is: `{"bytes": "base64"}`, `{"dict": [[key, value], …]}`, `{"tuple": […]}`, `{"set": […]}`, `{"deque": […]}`,
`{"enum": [type, name]}`, `{"data": [type, {field: value}]}`, `{"object": {attribute: value}}`, `{"same": path}` for an
object met before, `{"method": name}`, `{"random": […]}`, `{"own": …}` for what a `Savable` says of itself.
A type is its module and name below `mvsdk.emulator`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import functools
import random
import sys
import types
import typing
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeGuard, runtime_checkable

from mvsdk.emulator.errors import SnapshotError

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON can say."""
_PACKAGE = "mvsdk.emulator."
_DEEPEST = 64


@runtime_checkable
class Savable(Protocol):
    """An object that is saved in a way of its own."""

    def saved_state(self, save: Saving) -> Plain:
        """Return its state; `save.value` turns values into plain data."""

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take a state; `load.value` turns plain data into values. Raises `SnapshotError` for what cannot be one."""


def state_names(kind: type) -> tuple[str, ...]:
    """Return the attributes that a class and those it inherits from declare, each once, the most basic class first."""
    names = (name for base in reversed(kind.__mro__) for name in base.__dict__.get("STATE", ()))
    return tuple(dict.fromkeys(names))


def save(root: object) -> Plain:
    """Return the state of an object that has `STATE`, and of everything it holds.

    `TypeError` for a value that is none of the kinds above.
    """
    return Saving().of(root)


def load(root: object, data: Plain) -> None:
    """Put a state into an object like the one it was saved from. Raises `SnapshotError` for data that is none.

    After an error the object is of no use any more.
    """
    loading = Loading()
    try:
        loading.value(root, data, "")
        loading.settle_order()
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise SnapshotError(f"the saved state does not fit this device ({error})", REMEDY) from error


REMEDY = "load it with the version of mvsdk, the board and the image that it was saved with"


class Saving:
    """One walk over a device. Appointments are numbered once all are known: only their order matters."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._waiting: list[tuple[int, int, dict[str, Plain]]] = []

    def of(self, root: object) -> Plain:
        """Return the state of an object that has `STATE`, and of everything it holds."""
        data = self.value(root, "")
        for place, (_, _, entry) in enumerate(sorted(self._waiting, key=lambda waiting: waiting[:2])):
            entry["order"] = place
        return data

    def value(self, value: object, path: str) -> Plain:
        """Return a value as plain data. `TypeError` for one that is no part of any device's state."""
        if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, enum.Enum)):
            return value
        if isinstance(value, list):
            return [self.value(item, f"{path}[{number}]") for number, item in enumerate(value)]
        tag, content = self._tagged(value, path)
        return {tag: content}

    def waits(self, cycle: int, number: int, entry: dict[str, Plain]) -> None:
        """Hear of an appointment; `entry["order"]` will be its place among all."""
        self._waiting.append((cycle, number, entry))

    @property
    def waiting(self) -> int:
        """How many appointments there were."""
        return len(self._waiting)

    def _tagged(self, value: object, path: str) -> tuple[str, Plain]:  # noqa: PLR0911 - one for each kind of value
        match value:
            case bytes() | bytearray():
                return "bytes", base64.b64encode(value).decode("ascii")
            case dict():
                return "dict", [[self.value(key, path), self._item(value, key, path)] for key in value]
            case tuple():
                return "tuple", [self.value(item, f"{path}[{number}]") for number, item in enumerate(value)]
            case set() | frozenset():
                return "set", [self.value(item, path) for item in sorted(value)]
            case deque():
                return "deque", [self.value(item, f"{path}[{number}]") for number, item in enumerate(value)]
            case enum.Enum():
                return "enum", [_name_of(type(value)), value.name]
            case random.Random():
                version, words, gauss = value.getstate()
                return "random", [version, list(words), gauss]
            case types.MethodType():
                return "method", value.__func__.__name__
        return self._object(value, path)

    def _item(self, mapping: Mapping[Any, object], key: object, path: str) -> Plain:
        return self.value(mapping[key], f"{path}[{key!r}]")

    def _object(self, value: object, path: str) -> tuple[str, Plain]:
        if id(value) in self._paths:
            return "same", self._paths[id(value)]
        if _saves_itself(value):
            self._paths[id(value)] = path
            return "own", value.saved_state(self)
        if hasattr(type(value), "STATE"):
            self._paths[id(value)] = path
            return "object", {name: self.value(getattr(value, name), f"{path}.{name}") for name in names_of(value)}
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            content: dict[str, Plain] = {name: self.value(item, f"{path}.{name}") for name, item in fields.items()}
            return "data", [_name_of(type(value)), content]
        raise TypeError(f"{path}: a {type(value).__name__} cannot be part of a device's state")


def names_of(value: object) -> tuple[str, ...]:
    """Return the attributes that are an object's state."""
    return state_names(type(value))


class Loading:
    """One walk over a device and the data that is to be put into it."""

    def __init__(self) -> None:
        self._objects: dict[str, object] = {}
        self._waiting: list[tuple[int, Appointed]] = []

    def value(self, present: object, data: Plain, path: str, owner: object = None, depth: int = 0) -> Any:  # noqa: ANN401 - a value of any type
        """Return what `data` stands for: `present` itself, changed, where that is an object with a state.

        `owner` is the object whose methods may be named. Raises `SnapshotError` and the errors of wrong types.
        """
        if depth > _DEEPEST:
            raise ValueError(f"{path} is nested too deeply")
        if isinstance(data, list):
            return _alike(present, self._items(present, data, path, owner, depth), path)
        if not isinstance(data, dict):
            return _alike(present, data, path)
        if len(data) != 1:
            raise ValueError(f"{path} is no value: {sorted(data)[:4]}")
        ((tag, content),) = data.items()
        return _alike(present, self._untagged(present, tag, content, path, owner, depth), path)

    def waits(self, place: int, alarm: Appointed) -> None:
        """Hear of an appointment; it is made once the places of all are known."""
        self._waiting.append((place, alarm))

    def settle_order(self) -> None:
        """Make the appointments again, in their order."""
        places = [place for place, _ in self._waiting]
        if sorted(places) != list(range(len(places))):
            raise ValueError("the order of what waits is damaged")
        for _, alarm in sorted(self._waiting, key=lambda waiting: waiting[0]):
            alarm.appoint()

    def _items(self, present: object, data: Iterable[Plain], path: str, owner: object, depth: int) -> list[Any]:
        known = list(present) if isinstance(present, list | tuple | deque) else []
        items = list(data)
        if any(map(_has_state, known)) and len(known) != len(items):
            raise ValueError(f"{path} has {len(items)} parts, this device {len(known)}")
        return [
            self.value(known[number] if number < len(known) else None, item, f"{path}[{number}]", owner, depth + 1)
            for number, item in enumerate(items)
        ]

    def _untagged(self, present: object, tag: str, content: Any, path: str, owner: object, depth: int) -> object:  # noqa: ANN401, PLR0911 - one for each kind of value
        match tag:
            case "bytes":
                data = _from_base64(content)
                return bytearray(data) if isinstance(present, bytearray) else data
            case "dict":
                return self._mapping(present, content, path, owner, depth)
            case "tuple":
                return tuple(self._items(present, content, path, owner, depth))
            case "set":
                return set(self._items(None, content, path, owner, depth))
            case "deque":
                longest = present.maxlen if isinstance(present, deque) else None
                return deque(self._items(present, content, path, owner, depth), maxlen=longest)
            case "enum":
                kind = _type_named(content[0], enum.Enum)
                return kind[content[1]]  # type: ignore[index]
            case "data":
                return self._dataclass(content, path, depth)
            case "random":
                return _random_like(present, content, path)
            case "method":
                return _method(owner, content, path)
            case "same":
                return self._objects[content]
            case "own" | "object":
                return self._in_place(present, tag, content, path, depth)
        raise ValueError(f"{path} is of an unknown kind: {tag!r}")

    def _mapping(self, present: object, content: Any, path: str, owner: object, depth: int) -> dict[Any, Any]:  # noqa: ANN401
        known = present if isinstance(present, dict) else {}
        found = {}
        for pair in content:
            key = self.value(None, pair[0], path, None, depth + 1)
            found[key] = self.value(known.get(key), pair[1], f"{path}[{key!r}]", owner, depth + 1)
        if any(map(_has_state, known.values())) and found.keys() != known.keys():
            raise ValueError(f"{path} has {sorted(map(str, found))[:8]}, this device {sorted(map(str, known))[:8]}")
        return found

    def _dataclass(self, content: Any, path: str, depth: int) -> object:  # noqa: ANN401
        kind = _type_named(content[0], None)
        fields = {field.name for field in dataclasses.fields(kind)}
        if fields != content[1].keys():
            raise ValueError(f"{path} has other fields than a {content[0]}")
        values = {name: self.value(None, content[1][name], f"{path}.{name}", None, depth + 1) for name in fields}
        for name, hint in _hints(kind).items():
            if name in values and isinstance(hint, type) and not isinstance(values[name], hint):
                raise ValueError(f"{path}.{name} is a {type(values[name]).__name__}, not a {hint.__name__}")
        return kind(**values)

    def _in_place(self, present: object, tag: str, content: Any, path: str, depth: int) -> object:  # noqa: ANN401
        if not _has_state(present) or _saves_itself(present) != (tag == "own"):
            raise ValueError(f"{path} is not there in this device")
        self._objects[path] = present
        if _saves_itself(present):
            present.load_state(content, self)
            return present
        names = names_of(present)
        if set(names) != content.keys():
            raise ValueError(f"{path} has other parts: {sorted(set(names) ^ content.keys())[:8]}")
        for name in names:
            value = self.value(getattr(present, name), content[name], f"{path}.{name}", present, depth + 1)
            if value is not getattr(present, name):
                setattr(present, name, value)
        return present


class Appointed(Protocol):
    """Something whose appointment can be made again."""

    def appoint(self) -> None:
        """Make the appointment."""


def due_and_order(data: Plain) -> tuple[int, int]:
    """Return what an appointment was saved with: its cycle, and its place among all. Raises `ValueError`."""
    match data:
        case {"due": int() as due, "order": int() as order, **rest} if due >= 0 and not rest:
            return due, order
    raise ValueError(f"{data!r} is no appointment")


def _has_state(value: object) -> bool:
    return _saves_itself(value) or hasattr(type(value), "STATE")


def _saves_itself(value: object) -> TypeGuard[Savable]:
    kind: type = type(value)
    return _is_savable(kind)


@functools.cache
def _is_savable(kind: type) -> bool:
    """Ask each type once: a protocol is slow to answer, and a device has thousands of values."""
    return issubclass(kind, Savable)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix(_PACKAGE)


def _type_named(name: str, base: type | None) -> type:
    """Find a type that is in memory already: an enum, or without `base` a dataclass."""
    module, _, kind_name = name.rpartition(".")
    kind = getattr(sys.modules.get(_PACKAGE + module), kind_name, None)
    if isinstance(kind, type) and kind.__module__ == _PACKAGE + module:
        fits = dataclasses.is_dataclass(kind) and not _is_savable(kind) if base is None else issubclass(kind, base)
        if fits:
            return kind
    raise ValueError(f"there is no type {name!r}")


def _alike(present: object, value: Any, path: str) -> Any:  # noqa: ANN401
    """Refuse a value of another type than what is there now. None says nothing about the type."""
    kinds = {type(present), type(value)}
    alike = len(kinds) == 1 or kinds <= {bool, int, float} or kinds <= {list, deque}
    if _has_state(present) and value is not present:
        raise ValueError(f"{path} has lost its parts")
    if present is not None and value is not None and not alike:
        raise ValueError(f"{path} is a {type(value).__name__}, not a {type(present).__name__}")
    return value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; none where they are only known to a type checker."""
    try:
        return typing.get_type_hints(kind)
    except NameError:
        return {}


def _from_base64(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _random_like(present: object, content: Any, path: str) -> random.Random:  # noqa: ANN401
    """Give a random source its state."""
    if not isinstance(present, random.Random):
        raise ValueError(f"{path} is no random source here")
    version, words, gauss = content
    present.setstate((version, tuple(words), gauss))
    return present


def _method(owner: object, name: str, path: str) -> object:
    """Find a method of the object itself, as its class defines it."""
    function = next((base.__dict__[name] for base in type(owner).__mro__ if name in base.__dict__), None)
    if not isinstance(function, types.FunctionType) or name.startswith("__"):
        raise ValueError(f"{path} names no method: {name!r}")
    return types.MethodType(function, owner)
