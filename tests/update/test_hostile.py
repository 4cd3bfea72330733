"""Servers that lie: whatever they say, the old application stays, and an honest one brings the new."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.update import BundleServer, Part, PatchError
from mvsdk.update.patch_making import make_patch
from mvsdk.update.patching import RAM_BUDGET, PatchDecoder
from tests.update.devices import NEW, OLD, Device, application

OLD_IMAGE, NEW_IMAGE = application(1).data, application(2, 26_000).data

Answer = tuple[int, bytes]


class Arbitrary(BundleServer):
    """Answers with what it was given, again and again, until it has become honest."""

    def __init__(self, answers: list[Answer], manifests: list[bytes], patches: list[Answer]) -> None:
        super().__init__(OLD, NEW)
        self._answers, self._manifests, self._said_patches = answers, manifests, patches
        self.honest = False

    def manifest(self, running: bytes) -> bytes | None:
        """Say anything, now and then the truth."""
        self.messages += 1
        if self.honest or not self._manifests or self.messages % 3:
            return super().manifest(running)
        return self._manifests[self.messages % len(self._manifests)]

    def layer(self, name: str, start: int, length: int) -> Part:
        """Say anything."""
        self.messages += 1
        if self.honest or not self._answers:
            return super().layer(name, start, length)
        return Part(*self._answers[self.messages % len(self._answers)])

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Say anything."""
        self.messages += 1
        if self.honest or not self._said_patches:
            return None
        return Part(*self._said_patches[self.messages % len(self._said_patches)])


ANSWERS = st.lists(
    st.tuples(st.integers(-(2**70), 2**70) | st.integers(0, 70_000), st.binary(max_size=300)), max_size=5
)


@given(ANSWERS, st.lists(st.binary(max_size=300), max_size=3), ANSWERS)
def test_no_answer_does_harm(answers: list[Answer], manifests: list[bytes], patches: list[Answer]) -> None:
    """Any sizes, bytes and manifests: never a crash, a write outside of the slot, or another application."""
    server = Arbitrary(answers, manifests, patches)
    device = Device(server).with_bundle(OLD)
    slot = device.hardware.layout.slots[0]
    before = device.external.read(slot, device.hardware.layout.slot_size)
    for _ in range(150):
        if not answers and device.runs != OLD_IMAGE:
            return  # it was honest enough
        device.clock.seconds += min(device.agent.step(), 10_000)
        assert device.runs in (OLD_IMAGE, NEW_IMAGE, None)
    if device.runs == OLD_IMAGE:
        assert device.external.read(slot, device.hardware.layout.slot_size) == before
    server.honest = True
    device.start()
    device.rest()
    assert device.runs == NEW_IMAGE


def decoder(patch: bytes, base: bytes, limit: int = 1 << 20) -> PatchDecoder:
    """Return a decoder that reads nothing it should not."""

    def reader(data: bytes) -> Callable[[int, int], bytes]:
        def read(start: int, length: int) -> bytes:
            assert 0 <= start <= start + length <= len(data)
            return data[start : start + length]

        return read

    return PatchDecoder(reader(patch), len(patch), reader(base), len(base), limit)


def made(base: bytes, result: bytes, compression: str = "heatshrink") -> bytes:
    """Return a patch by detools, with its defaults."""
    import detools

    output = io.BytesIO()
    detools.create_patch(io.BytesIO(base), io.BytesIO(result), output, compression=compression)
    return output.getvalue()


@given(
    base=st.binary(min_size=1, max_size=3000),
    parts=st.lists(st.tuples(st.integers(0, 2999), st.integers(0, 2999), st.binary(max_size=50)), min_size=1),
    compression=st.sampled_from(["heatshrink", "none"]),
    chunk=st.integers(1, 500),
)
def test_a_patch_makes_what_it_was_made_for(
    base: bytes, parts: list[tuple[int, int, bytes]], compression: str, chunk: int
) -> None:
    """Patches of detools give the result, in pieces of any size, and end with it."""
    result = b"".join(base[start : start + length] + extra for start, length, extra in parts) + b"!"
    patch = decoder(made(base, result, compression), base)
    assert patch.size == len(result)
    got = b"".join(iter(lambda: patch.take(chunk), b""))
    assert got == result
    assert RAM_BUDGET <= 12 * 1024


@given(patch=st.binary(max_size=400), base=st.binary(max_size=200))
def test_random_patches_end(patch: bytes, base: bytes) -> None:
    """Any bytes make a bounded result or are refused, and nothing is read beyond patch and base."""
    try:
        found = decoder(patch, base, 5000)
        while found.take(512):
            pass
    except PatchError:
        return
    assert found.size <= 5000


@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_damaged_patches_end(at: int, value: int) -> None:
    """A patch with one byte changed makes something of the size it says, or is refused."""
    patch = bytearray(made(OLD_IMAGE[:4000], OLD_IMAGE[100:4000] + b"more"))
    patch[at % len(patch)] = value
    try:
        found = decoder(bytes(patch), OLD_IMAGE[:4000])
        assert len(b"".join(iter(lambda: found.take(512), b""))) == found.size
    except PatchError:
        pass


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (b"", "ends after 0 bytes"),
        (b"\x14", "type 1"),
        (b"\x01\x05", "compression 1"),
        (b"\x00\x00", "makes 0 bytes"),
        (b"\x00\x45", "makes -5 bytes"),
        (b"\x00" + b"\xff" * 12, "does not end"),
        (b"\x00\x05\x01", "transforms"),
        (b"\x04\x05\xff", "window of 2"),
        (b"\x00\x05\x00\x06", "piece of 6 bytes"),
        (b"\x00\x05\x00" + bytes(100), "without adding anything"),
        (b"\x00\x05\x00\x03abc\x00\x7f\x02ab", "of a base of 10"),
    ],
)
def test_malformed_patches_are_named(patch: bytes, words: str) -> None:
    """What is wrong with a patch is said."""
    with pytest.raises(PatchError, match=words):
        decoder(patch, bytes(10)).take(100)


def test_patches_are_used_and_cheap() -> None:
    """A layer that can be patched comes as a patch, also when the power fails on the way."""
    from mvsdk.bundle import Image, ManifestOptions, create
    from tests.update.devices import BOARD, KEY

    changed = create(
        Image(OLD_IMAGE[:9000] + b"one line" + OLD_IMAGE[9000:]), ManifestOptions(), KEY, region=BOARD.flash.size
    )
    server = BundleServer(OLD, changed, make_patch=make_patch)
    device = Device(server).with_bundle(OLD)
    device.run(lambda agent: agent.state.offset >= 8192)
    device.start()
    device.rest()
    assert device.runs == OLD_IMAGE[:9000] + b"one line" + OLD_IMAGE[9000:]
    assert server.sent < len(OLD_IMAGE) // 10


def test_a_wrong_patch_is_no_obstacle() -> None:
    """A patch that makes something else is found out, and the layer is fetched whole."""
    server = BundleServer(OLD, NEW, make_patch=lambda base, result: made(base, result[:-1] + b"x", "none")[:-1] + b"y")
    device = Device(server).with_bundle(OLD)
    device.rest()
    assert device.runs == NEW_IMAGE
