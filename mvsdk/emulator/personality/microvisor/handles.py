"""Handles: random, never zero, never two alive with one value, and each good for one kind of object only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from mvsdk.emulator.personality.microvisor.answers import Refused
from mvsdk.emulator.saving import Loading, Plain, Saving

_T = TypeVar("_T")


class HandleTable:
    """All kernel objects the application holds. One table for all kinds, so a wrong kind is an invalid handle.

    A family of calls makes its kind of object known with `keep`, under a name that stays what it is: saved devices
    hold it.
    """

    def __init__(self, random_word: Callable[[], int]) -> None:
        self._objects: dict[int, object] = {}
        self._kinds: dict[str, tuple[type, Callable[[], object]]] = {}
        self._random_word = random_word

    def keep(self, name: str, kind: type[_T], blank: Callable[[], _T]) -> None:
        """Make a kind of object known; `blank` makes one whose state is then loaded."""
        self._kinds[name] = (kind, blank)

    def add(self, thing: object) -> int:
        """Return a new handle for `thing`."""
        handle = 0
        while handle == 0 or handle in self._objects:
            handle = self._random_word()
        self._objects[handle] = thing
        return handle

    def find(self, handle: int, kind: type[_T]) -> _T:
        """Return the object behind a handle; refuse with INVALIDHANDLE if there is none of that kind."""
        thing = self._objects.get(handle)
        if not isinstance(thing, kind):
            raise Refused("INVALIDHANDLE")
        return thing

    def holds(self, handle: int, kind: type) -> bool:
        """Say whether there is an object of that kind behind a handle."""
        return isinstance(self._objects.get(handle), kind)

    def remove(self, handle: int, kind: type[_T]) -> _T:
        """Take the object out of the table and return it; refuse with INVALIDHANDLE if there is none of that kind."""
        thing = self.find(handle, kind)
        del self._objects[handle]
        return thing

    def all(self, kind: type[_T]) -> Iterator[_T]:
        """Return every living object of a kind."""
        return (thing for thing in self._objects.values() if isinstance(thing, kind))

    def clear(self) -> None:
        """Forget all of them."""
        self._objects.clear()

    def saved_state(self, save: Saving) -> Plain:
        """Return every handle with its kind's name and its object's state, in the order they were given."""
        return [
            [handle, self._name_of(thing), save.value(thing, f"handle {handle:#x}")]
            for handle, thing in self._objects.items()
        ]

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take the handles that were given."""
        self._objects.clear()
        for entry in _entries(data):
            match entry:
                case [int() as handle, str() as name, state] if name in self._kinds and 0 < handle < 1 << 32:
                    blank = self._kinds[name][1]()
                    self._objects[handle] = load.value(blank, state, f"handle {handle:#x}")
                case _:
                    raise ValueError(f"{str(entry)[:80]} is no handle")

    def _name_of(self, thing: object) -> str:
        return next(name for name, (kind, _) in self._kinds.items() if type(thing) is kind)


def _entries(data: Plain) -> list[Plain]:
    if not isinstance(data, list):
        raise ValueError("the handles are no list")
    return data
