"""Our extensions of the manifest: there for those who know them, and nothing to those who do not."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.bundle import (
    AlreadySignedError,
    ManifestError,
    ManifestOptions,
    NewKeys,
    OptionError,
    UnsignedError,
    UnverifiedBundle,
    container,
    create,
    endorse,
    inspect,
    schema,
)
from mvsdk.bundle.manifest import Body, Envelope, parse_message
from mvsdk.bundle.new_keys import NEW_KEYS_PREFIX
from tests.bundle.samples import KEY, ROM, verified
from tests.bundle.test_manifest import content, number
from tests.keys.samples import key_of

OTHER = key_of(7)
COUNTERS = ManifestOptions(rollback_counter=5, may_replace_counter=9, minimum_kernel_version=3)


def original_pool() -> DescriptorPool:
    """Return the messages as the original tools know them: without the fields from 1001 on."""
    file = descriptor_pb2.FileDescriptorProto()
    schema.pool().FindFileByName("bundle.proto").CopyToProto(file)
    for message in file.message_type:
        for each in (message, *message.nested_type):
            kept = [field for field in each.field if field.number <= 1000]
            del each.field[:]
            each.field.extend(kept)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def test_original_readers_read_on() -> None:
    """A reader that does not know the extensions finds in an extended manifest everything it finds in a plain one."""
    kind: Any = message_factory.GetMessageClass(original_pool().FindMessageTypeByName("bundle.AppManifest"))
    plain = UnverifiedBundle.parse(create(ROM, ManifestOptions(minimum_kernel_version=3), KEY)).envelope
    extended = UnverifiedBundle.parse(endorse(create(ROM, COUNTERS, KEY), OTHER)).envelope
    old, new = kind.FromString(plain.raw), kind.FromString(extended.raw)
    assert new.signer_id == old.signer_id
    assert list(new.body.layers) == list(old.body.layers)
    assert (new.body.update, new.body.connectivity) == (old.body.update, old.body.connectivity)
    new.DiscardUnknownFields()
    old.signature = new.signature = b""
    assert new.SerializeToString() == old.SerializeToString()


def test_counters_come_back_verified() -> None:
    """What is said of rollback is signed with the rest, and read again."""
    assert verified(create(ROM, COUNTERS, KEY)).options == COUNTERS
    assert Body.parse(Body((), COUNTERS).encode()).options == COUNTERS


def test_an_exception_must_be_one() -> None:
    """may_replace_counter that is not above rollback_counter says nothing, and is refused where it is written."""
    with pytest.raises(OptionError, match="allows nothing"):
        create(ROM, ManifestOptions(rollback_counter=5, may_replace_counter=5), KEY)


def test_endorsements_stand_beside_the_signature() -> None:
    """Each endorsement is one signature over the same bytes, and the bundle verifies as before."""
    bundle = endorse(endorse(create(ROM, COUNTERS, KEY), OTHER), key_of(8))
    envelope = UnverifiedBundle.parse(bundle).envelope
    assert [each.signer_id for each in envelope.endorsements] == [OTHER.public.id, key_of(8).public.id]
    assert OTHER.public.verify(envelope.endorsements[0].signature, envelope.signed_bytes)
    assert verified(bundle).signer_id == KEY.public.id


def test_an_endorsement_that_does_not_fit_is_shown() -> None:
    """The report says of every endorsement whose it is and whether it fits; one that does not is a problem."""
    bundle = endorse(create(ROM, COUNTERS, KEY), OTHER)
    board, known = boards.load(), {"key": KEY.public, "other": OTHER.public}
    own = f"{OTHER.public.id:016x}"
    shown = inspect(bundle, board, known)
    assert isinstance(shown["manifest"], dict)
    assert shown["manifest"]["endorsements"] == [{"signature": "good", "signer_id": own, "signer": "other"}]
    assert shown["problems"] == []
    stranger = UnverifiedBundle.parse(endorse(create(ROM, ManifestOptions(), KEY), OTHER))
    message, _ = parse_message("OpaqueManifest", UnverifiedBundle.parse(bundle).envelope.raw)
    message.endorsements[0].signature = stranger.envelope.endorsements[0].signature
    layers = list(stranger.layers.items())
    spoilt = container.write([*layers, (container.MANIFEST, message.SerializeToString(deterministic=True))])
    assert "endorsement" in str(inspect(spoilt, board, known)["problems"])


def test_endorsing_needs_a_signature_of_somebody_else() -> None:
    """An unsigned bundle is not endorsed, nor one twice by the same key."""
    with pytest.raises(UnsignedError):
        endorse(create(ROM, COUNTERS, None), OTHER)
    once = endorse(create(ROM, COUNTERS, KEY), OTHER)
    for signer in (KEY, OTHER):
        with pytest.raises(AlreadySignedError):
            endorse(once, signer)


@given(
    sequence=st.integers(0, 2**32 - 1),
    add=st.lists(st.integers(1, 50), max_size=3),
    delete=st.lists(st.integers(0, 2**64 - 1), max_size=3),
    threshold=st.integers(0, 2**32 - 1),
)
def test_new_keys_come_back(sequence: int, add: list[int], delete: list[int], threshold: int) -> None:
    """A NewKeys message comes back from its wire form with every value."""
    message = NewKeys(sequence, tuple(key_of(each).public for each in add), tuple(delete), threshold)
    envelope = Envelope.parse(message.signed_by(KEY, [OTHER]), NEW_KEYS_PREFIX)
    assert NewKeys.parse(envelope.body) == message
    assert KEY.public.verify(envelope.signature, NEW_KEYS_PREFIX + envelope.body)
    assert OTHER.public.verify(envelope.endorsements[0].signature, envelope.signed_bytes)


def test_a_signature_is_for_one_kind_of_message() -> None:
    """What was signed as new keys does not verify as a manifest."""
    raw = NewKeys(1).signed_by(KEY)
    envelope = Envelope.parse(raw)
    assert not KEY.public.verify(envelope.signature, envelope.signed_bytes)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (content(3, b"\x04" + bytes(64)), "a key to add is none"),
        (content(1, b"\xff" * 9 + b"\x7f"), "more than 64 bits"),
        (content(1, b"\x80"), "does not end"),
        (number(1001, 1) + number(1001, 2), "is set already"),
    ],
)
def test_malformed_new_keys_are_named(body: bytes, words: str) -> None:
    """Keys that are none and numbers that cannot be are refused."""
    with pytest.raises(ManifestError, match=words):
        NewKeys.parse(body)
