"""What can go wrong beside the power: the network fails, the server lies, the flash decays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mvsdk.bundle.manifest import Envelope
from mvsdk.flash_memory import FlashState
from mvsdk.flash_memory.cells import Page
from mvsdk.update.bundle_server import BundleServer
from mvsdk.update.errors import BusyError, ProofError, UnreachableError
from mvsdk.update.server import Part, Pending

NETWORK = ("lost", "half", "busy", "restart", "late")
"""An answer is lost; comes by half; is 429 with Retry-After; the server is away for a while; the answer takes time."""
_AWAY = 6
_MESSAGE = re.compile(r"message-(\d{1,9}):([a-z]+)")
_PAGE = re.compile(r"(internal|slot)-(\d{1,6})")


class FailingServer:
    """A server whose answer number `at` fails in one way of NETWORK."""

    def __init__(self, inner: BundleServer, at: int, way: str) -> None:
        self._inner, self._at, self._way = inner, at, way
        self.asked = 0
        """How many questions there have been."""
        self._cut = False

    @classmethod
    def named(cls, inner: BundleServer, fault: str) -> FailingServer:
        """Return the server of a point such as message-12:half. Raises ProofError."""
        found = _MESSAGE.fullmatch(fault)
        if found is None or found[2] not in NETWORK:
            raise ProofError(f"'{fault}' is no fault of the network", f"there are message-N:{{{','.join(NETWORK)}}}")
        return cls(inner, int(found[1]), found[2])

    def manifest(self, running: bytes) -> bytes | None:
        """Answer, or fail."""
        self._fail(whole=True)
        return self._inner.manifest(running)

    def new_keys(self, sequence: int) -> bytes | None:
        """Answer, or fail."""
        self._fail(whole=True)
        return self._inner.new_keys(sequence)

    def layer(self, name: str, start: int, length: int) -> Part:
        """Answer, fail, or send half."""
        self._fail(whole=False)
        return self._halved(self._inner.layer(name, start, length))

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Answer, fail, or send half."""
        self._fail(whole=False)
        part = self._inner.patch(name, base, start, length)
        return part and self._halved(part)

    def _fail(self, *, whole: bool) -> None:
        number = self.asked
        self.asked += 1
        if self._cut:
            self._cut = False
            raise UnreachableError("the connection ended in the middle of an answer")
        if self._way == "restart" and self._at <= number < self._at + _AWAY:
            raise UnreachableError("the server is being started again")
        if number != self._at:
            return
        if self._way == "busy":
            raise BusyError("429: too many requests", retry_after=30)
        if self._way == "late":
            raise Pending
        if self._way == "lost" or (self._way == "half" and whole):
            raise UnreachableError("the answer was lost")

    def _halved(self, part: Part) -> Part:
        if self._way != "half" or self.asked != self._at + 1:
            return part
        self._cut = True
        return Part(part.total, part.data[: max(1, len(part.data) // 2)])


@dataclass(frozen=True)
class Lie:
    """A way to lie: what becomes of a range, and of a manifest or new keys. None leaves an answer as it is."""

    part: Callable[[Part, int], Part] | None = None
    manifest: Callable[[bytes], bytes] | None = None
    new_keys: bytes | None = None
    patch: bytes | None = None


class LyingServer:
    """A server that lies until it is told to be `honest`."""

    def __init__(self, inner: BundleServer, lie: Lie) -> None:
        self._inner, self._lie = inner, lie
        self.honest = False

    def manifest(self, running: bytes) -> bytes | None:
        """Offer something."""
        offer = self._inner.manifest(running)
        if self.honest or self._lie.manifest is None or offer is None:
            return offer
        return self._lie.manifest(offer)

    def new_keys(self, sequence: int) -> bytes | None:
        """Hand out something."""
        return self._inner.new_keys(sequence) if self.honest else self._lie.new_keys

    def layer(self, name: str, start: int, length: int) -> Part:
        """Send something."""
        part = self._inner.layer(name, start, length)
        return part if self.honest or self._lie.part is None else self._lie.part(part, start)

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Send something."""
        lie = self._lie.patch
        if self.honest or lie is None:
            return self._inner.patch(name, base, start, length)
        return Part(len(lie), lie[start : start + length])


def _inverted(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)


def _tampered(manifest: bytes) -> bytes:
    middle = len(manifest) // 2
    return manifest[:middle] + bytes([manifest[middle] ^ 1]) + manifest[middle + 1 :]


LIES: Mapping[str, Lie] = {
    "wrong-bytes": Lie(part=lambda part, start: Part(part.total, _inverted(part.data))),
    "one-wrong-bit": Lie(part=lambda part, start: Part(part.total, bytes([part.data[0] ^ 1]) + part.data[1:])),
    "overlapping-range": Lie(part=lambda part, start: Part(part.total, part.data[1:] + part.data[:1])),
    "longer-than-asked": Lie(part=lambda part, start: Part(part.total, part.data * 2 + b"x")),
    "nothing-inside": Lie(part=lambda part, start: Part(part.total, b"")),
    "one-byte-each": Lie(part=lambda part, start: Part(part.total, b"\0")),
    "smaller-total": Lie(part=lambda part, start: Part(max(1, part.total // 2), part.data)),
    "larger-total": Lie(part=lambda part, start: Part(part.total + 4096, part.data)),
    "huge-total": Lie(part=lambda part, start: Part(1 << 40, part.data)),
    "no-total": Lie(part=lambda part, start: Part(0, part.data)),
    "negative-total": Lie(part=lambda part, start: Part(-1, part.data)),
    "growing-total": Lie(part=lambda part, start: Part(part.total + start, part.data)),
    "garbage-manifest": Lie(manifest=lambda manifest: bytes(range(256))),
    "empty-manifest": Lie(manifest=lambda manifest: b""),
    "huge-manifest": Lie(manifest=lambda manifest: manifest * 1000),
    "tampered-manifest": Lie(manifest=_tampered),
    "unsigned-manifest": Lie(manifest=lambda manifest: Envelope.around(Envelope.parse(manifest).body).raw),
    "garbage-keys": Lie(new_keys=b"\x0a\xff\xff"),
    "unsigned-keys": Lie(new_keys=Envelope.around(b"").raw),
    "garbage-patch": Lie(patch=bytes(range(1, 200))),
    "truncated-patch": Lie(patch=b"\x04\x80\x10"),
    # A patch that says it makes one byte, and then says nothing for as long as one listens.
    "endless-patch": Lie(patch=b"\x00\x01\x00" + b"\x00" * 4000),
}


def named_lie(name: str) -> Lie:
    """Return a lie. Raises ProofError."""
    if name not in LIES:
        raise ProofError(f"there is no lie '{name}'", f"there are {', '.join(LIES)}")
    return LIES[name]


def decay_points(internal: FlashState, external: FlashState, slot: range) -> list[str]:
    """Name every page that could decay: those of internal flash and of a slot that hold something."""
    names = [f"internal-{number}" for number in sorted(internal.pages)]
    return names + [f"slot-{number}" for number in sorted(external.pages) if number in slot]


def decayed(states: tuple[FlashState, FlashState], name: str) -> tuple[FlashState, FlashState]:
    """Return the flash with one bit of a page changed. Raises ProofError."""
    found = _PAGE.fullmatch(name)
    memory = int(found is not None and found[1] == "slot")
    number = int(found[2]) if found else -1
    pages = dict(states[memory].pages)
    if number not in pages:
        raise ProofError(f"'{name}' is no page that holds something", "give internal-N or slot-N")
    page: Page = pages[number]
    pages[number] = replace(page, data=bytes([page.data[0] ^ 0x10]) + page.data[1:])
    changed = replace(states[memory], pages=pages)
    return (states[0], changed) if memory else (changed, states[1])
