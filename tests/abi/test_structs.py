"""Structs as values: packing, unpacking, and what is inside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk import abi
from mvsdk.abi import Show, Struct

STRUCTS = sorted(abi.load().structs.values(), key=lambda struct: struct.name)


@given(st.sampled_from(STRUCTS), st.data())
def test_unpacking_undoes_packing(struct: Struct, data: st.DataObject) -> None:
    """Any values that fit come back from the bytes, which are as many as the struct has."""
    values = {leaf.name: data.draw(st.integers(0, (1 << 8 * leaf.size) - 1)) for leaf in struct.leaves}
    packed = struct.pack(values)
    assert len(packed) == struct.size
    assert struct.unpack(packed) == values


@given(st.sampled_from(STRUCTS), st.data())
def test_packing_undoes_unpacking_but_for_the_padding(struct: Struct, data: st.DataObject) -> None:
    """Each leaf's bytes survive; padding becomes zero."""
    original = data.draw(st.binary(min_size=struct.size, max_size=struct.size))
    packed = struct.pack(struct.unpack(original))
    padding = set(range(struct.size))
    for leaf in struct.leaves:
        assert packed[leaf.offset : leaf.offset + leaf.size] == original[leaf.offset : leaf.offset + leaf.size]
        padding -= set(range(leaf.offset, leaf.offset + leaf.size))
    assert all(packed[offset] == 0 for offset in padding)


def test_structs_inside_are_taken_apart() -> None:
    """A leaf's name is the path C code would write, and the siblings it names have the same path."""
    struct = abi.load().structs["MvOpenChannelParams"]
    leaves = {leaf.name: leaf for leaf in struct.leaves}
    assert leaves["v1.endpoint.data"].offset == 36
    assert leaves["v1.endpoint.data"].extent == "v1.endpoint.length"
    assert leaves["v1.receive_buffer"].extent == "v1.receive_buffer_len"
    message = {leaf.name: leaf for leaf in abi.load().structs["MvMqttMessage"].leaves}
    assert message["payload.data"].filled == "payload.length"
    assert message["payload.data"].offset == 16


def test_siblings_exist_at_every_depth() -> None:
    """Whatever a leaf's extent or filled names is a leaf of the same struct."""
    for struct in STRUCTS:
        names = {leaf.name for leaf in struct.leaves}
        for leaf in struct.leaves:
            assert not isinstance(leaf.extent, str) or leaf.extent in names
            assert leaf.filled is None or leaf.filled in names


def test_a_secret_struct_makes_all_of_it_secret() -> None:
    """What is inside a secret field is secret, at whatever depth."""
    leaves = {leaf.name: leaf for leaf in abi.load().structs["MvMqttConnectRequest"].leaves}
    assert leaves["authentication.username_password.password.data"].show is Show.SECRET
    assert leaves["authentication.username_password.username.data"].show is Show.PLAIN


@pytest.mark.parametrize(
    ("name", "pointer"),
    [("MvSizedString", "data"), ("MvSizedStringBuffer", "data"), ("MvHttpHeader", "data")],
)
def test_counted_bytes_are_recognised(name: str, pointer: str) -> None:
    """A struct of a byte pointer and its counts is a text; one with anything else is not."""
    text = abi.load().structs[name].text
    assert text is not None
    assert text.name == pointer
    assert abi.load().structs["MvNotificationSetup"].text is None
    assert abi.load().structs["MvOpenChannelParams"].text is None


@pytest.mark.parametrize("size", [0, 11, 13])
def test_only_the_exact_size_is_unpacked(size: int) -> None:
    """Fewer or more bytes than the struct has are a ValueError."""
    with pytest.raises(ValueError, match=f"MvNotificationSetup has 12 bytes, not {size}"):
        abi.load().structs["MvNotificationSetup"].unpack(bytes(size))


def test_values_that_are_not_there_are_refused() -> None:
    """A name that is no leaf, or a value that does not fit, is a ValueError; a missing name is zero."""
    struct = abi.load().structs["MvNotificationSetup"]
    assert struct.pack({"irq": 7}) == b"\x07" + bytes(11)
    with pytest.raises(ValueError, match="no field 'irqn'"):
        struct.pack({"irqn": 7})
    for value in (-1, 1 << 32):
        with pytest.raises(ValueError, match="does not fit"):
            struct.pack({"irq": value})
