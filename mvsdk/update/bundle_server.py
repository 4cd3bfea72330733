"""A server that has bundles in memory, and a clock that is moved by hand: the honest world of a proof or a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mvsdk.bundle import UnverifiedBundle
from mvsdk.update.errors import MissingError
from mvsdk.update.server import Part


class BundleServer:
    """Offers one of the bundles it has, by its place, and everything that is in any of them.

    `new_keys_messages` are handed out in order, the first to devices that have seen none. `make_patch` makes a patch of
    two layers, from base to result; without it there are none. `messages` counts what was asked.
    """

    def __init__(
        self,
        *bundles: bytes,
        offered: int = -1,
        new_keys_messages: tuple[bytes, ...] = (),
        make_patch: Callable[[bytes, bytes], bytes] | None = None,
    ) -> None:
        unpacked = [UnverifiedBundle.parse(bundle) for bundle in bundles]
        self.manifests = [each.envelope.raw for each in unpacked]
        self.layers: dict[str, bytes] = {}
        for each in unpacked:
            self.layers |= each.layers
        self.offered: int | None = offered if bundles else None
        self.new_keys_messages = new_keys_messages
        self.make_patch = make_patch
        self.messages = 0
        self.sent = 0
        """Bytes of layers and patches."""
        self._patches: dict[tuple[str, str], bytes] = {}

    def manifest(self, running: bytes) -> bytes | None:
        """Offer the bundle."""
        self.messages += 1
        return None if self.offered is None else self.manifests[self.offered]

    def new_keys(self, sequence: int) -> bytes | None:
        """Hand out the next message."""
        self.messages += 1
        return self.new_keys_messages[sequence] if sequence < len(self.new_keys_messages) else None

    def layer(self, name: str, start: int, length: int) -> Part:
        """Send a range. Raises MissingError."""
        return self._part(_known(self.layers, name), start, length)

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Send a range of a patch, if it is worth it."""
        if self.make_patch is None:
            self.messages += 1
            return None
        if (name, base) not in self._patches:
            self._patches[name, base] = self.make_patch(_known(self.layers, base), _known(self.layers, name))
        return self._part(self._patches[name, base], start, length)

    def _part(self, content: bytes, start: int, length: int) -> Part:
        self.messages += 1
        data = content[start : start + length]
        self.sent += len(data)
        return Part(len(content), data)


class ManualClock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Return seconds."""
        return self.seconds


def _known(layers: Mapping[str, bytes], name: str) -> bytes:
    if name not in layers:
        raise MissingError(f"there is no layer {name}")
    return layers[name]
