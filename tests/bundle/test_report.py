"""What `inspect` tells, of good bundles and of broken ones."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions, create, inspect
from mvsdk.bundle.container import write
from tests.bundle.samples import BOARD, KEY, ROM, VECTORS, bundle_around, bundle_of, layer, members, original
from tests.bundle.test_manifest import GOOD_BODY, content, number
from tests.keys.samples import key_of

KNOWN = {"release": KEY.public}
OPTIONS = ManifestOptions(minimum_kernel_version=7, debug_auth_pubkey=key_of(1).public.point)
GOOD = create(VECTORS, OPTIONS, KEY)
NAME = hashlib.sha256(VECTORS.data).hexdigest()


def report(bundle: bytes) -> dict[str, Any]:
    """Return the report as a script gets it, through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(inspect(bundle, BOARD, KNOWN)))
    return found


def test_a_good_bundle_is_shown_whole() -> None:
    """Members, signature, layers, options and vector table of a good bundle are there, and no problem."""
    found = report(original(GOOD))
    assert found["problems"] == []
    assert [(member["name"], member["size"], member["method"]) for member in found["members"]] == [
        (NAME, 700, 8),
        ("manifest", len(dict(members(GOOD))["manifest"]), 8),
    ]
    assert found["members"][0]["packed"] < 50
    assert found["manifest"]["signature"] == "good"
    assert (found["manifest"]["signer"], found["manifest"]["signer_id"]) == ("release", f"{KEY.public.id:016x}")
    assert found["layers"][0]["fetch_hash"] == NAME
    assert found["options"]["minimum_kernel_version"] == 7
    assert found["options"]["debug_auth_pubkey"] == key_of(1).public.point.hex()
    assert found["image"] == {
        "size": 700,
        "sha256": NAME,
        "initial_stack_pointer": "20080000",
        "reset_vector": "08000201",
        "bootable": True,
    }
    assert (found["size"], found["sha256"]) == (len(original(GOOD)), hashlib.sha256(original(GOOD)).hexdigest())


def test_who_signed_is_told() -> None:
    """Unsigned, signed by somebody unknown, and badly signed are told apart; only the last is a problem."""
    assert report(create(ROM, OPTIONS, None))["manifest"]["signature"] == "unsigned"
    foreign = report(create(ROM, OPTIONS, key_of(9)))
    assert (foreign["manifest"]["signature"], foreign["manifest"]["signer"]) == ("unknown signer", None)
    assert foreign["problems"] == []
    forged = number(1, KEY.public.id) + content(2, GOOD_BODY) + content(3, bytes(64))
    bad = report(write([(ROM_NAME, ROM.data), ("manifest", forged)]))
    assert bad["manifest"]["signature"] == "bad"
    assert len(bad["problems"]) == 1


ROM_NAME = hashlib.sha256(ROM.data).hexdigest()


def test_a_short_image_is_no_problem() -> None:
    """An image without a vector table is shown as not bootable, and that is no problem of the bundle."""
    found = report(create(ROM, OPTIONS, KEY))
    assert found["problems"] == []
    assert (found["image"]["bootable"], found["image"]["reset_vector"]) == (False, None)


def test_keys_are_in_hexadecimal() -> None:
    """The key of an encrypted layer is 16 digits, like every other id; JSON's numbers have no 64 bits."""
    found = report(bundle_of([layer(ROM.data, encrypted_with_key_id=2**64 - 1)], [ROM.data]))
    assert found["layers"][0]["encrypted_with_key_id"] == "ffffffffffffffff"


def test_unknown_fields_are_counted() -> None:
    """Fields of a later format are counted, with their bytes and where they are."""
    found = report(bundle_around(GOOD_BODY + number(9, 5), [ROM.data]))
    assert found["unknown_fields"] == {"count": 1, "bytes": 2, "where": ["AppBody 9"]}
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (bundle_of([layer(b"other")], [ROM.data]), "not in the archive"),
        (bundle_of([layer(ROM.data, memory="external_flash")], [ROM.data]), "not supported"),
        (create(type(ROM)(bytes(100)), OPTIONS, KEY), "initial stack pointer"),
        (bundle_around(b"\xff", [ROM.data]), "malformed"),
        (write([(ROM_NAME, ROM.data), ("manifest", b"\xff")]), "malformed"),
    ],
)
def test_what_is_wrong_is_listed(bundle: bytes, words: str) -> None:
    """A bundle that is wrong in its content is shown with what is wrong."""
    (problem,) = report(bundle)["problems"]
    assert words in problem


def test_a_truncated_bundle_shows_what_is_left() -> None:
    """Of a bundle cut off behind its manifest everything is still shown; cut off before, the layer."""
    whole = GOOD[: GOOD.index(b"PK\x01\x02")]
    found = report(whole)
    assert "truncated" in found["problems"][0]
    assert found["manifest"]["signature"] == "good"
    assert found["image"]["sha256"] == NAME
    half = report(GOOD[:500])
    assert [member["name"] for member in half["members"]] == [NAME]
    assert half["members"][0]["size"] == 500 - 30 - 64 - 5
    assert half["manifest"] is None


def test_members_that_do_not_belong_are_shown() -> None:
    """Strange names are shown in quotes, and nothing is taken for what it is not."""
    found = report(write([*members(GOOD), ("../evil", b"x"), ("\x1b[2J", b"y")]))
    assert [member["name"] for member in found["members"]] == [NAME, "manifest", "'../evil'", "'\\x1b[2J'"]
    assert "'../evil'" in found["problems"][0]


def test_damaged_data_are_shown_as_far_as_they_go() -> None:
    """A member whose DEFLATE data are damaged is listed with what could be inflated."""
    damaged = bytearray(original(GOOD))
    damaged[30 + 64] ^= 0xFF
    found = report(bytes(damaged))
    assert len(found["members"]) == 2
    assert found["problems"]


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_any_file_is_described(data: bytes, cut: int) -> None:
    """Random bytes, and bundles with random bytes in them, are described without an error."""
    for variant in (data, b"PK\x03\x04" + data, GOOD[:cut] + data, GOOD[:cut] + data + GOOD[cut:]):
        found = report(variant)
        assert found["size"] == len(variant)
        assert found["problems"] or variant == GOOD


def test_a_file_made_to_waste_time_is_left_early() -> None:
    """Of very many headers only some are looked into."""
    header = b"PK\x03\x04" + bytes(4) + b"\x08" + bytes(21)
    assert len(report(header * 100_000)["members"]) == 256
