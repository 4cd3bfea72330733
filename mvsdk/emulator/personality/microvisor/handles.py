"""Handles: random, never zero, never two alive with one value, and each good for one kind of object only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from mvsdk.emulator.personality.microvisor.answers import Refused

_T = TypeVar("_T")


class HandleTable:
    """All kernel objects the application holds. One table for all kinds, so a wrong kind is an invalid handle."""

    def __init__(self, random_word: Callable[[], int]) -> None:
        self._objects: dict[int, object] = {}
        self._random_word = random_word

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
