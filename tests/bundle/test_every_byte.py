"""Any byte flipped is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions, create
from mvsdk.errors import BundleError
from tests.bundle.samples import KEY, ROM, VECTORS, original, verified

OURS = {"rom": create(ROM, ManifestOptions(), KEY), "vectors": create(VECTORS, ManifestOptions(), KEY)}
ORIGINALS = {name: original(bundle) for name, bundle in OURS.items()} | {
    "vectors at level 9": original(OURS["vectors"], 9),
    "vectors at level 1": original(OURS["vectors"], 1),
}
UNSIGNED = {
    "ours": create(VECTORS, ManifestOptions(), None),
    "original": original(create(VECTORS, ManifestOptions(), None)),
}


def accepted(bundle: bytes, differences: range | list[int], *, allow_unsigned: bool = False) -> list[tuple[int, int]]:
    """Return (position, difference) of every changed byte that goes unnoticed."""
    unnoticed = []
    changed = bytearray(bundle)
    for position, byte in enumerate(bundle):
        for difference in differences:
            changed[position] = byte ^ difference
            try:
                verified(bytes(changed), allow_unsigned=allow_unsigned)
            except BundleError:
                continue
            unnoticed.append((position, difference))
        changed[position] = byte
    return unnoticed


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_byte_of_an_original_bundle_can_become_another(name: str) -> None:
    """In a bundle written by the original's rules every byte is checked against all of its 255 other values."""
    verified(ORIGINALS[name])
    assert accepted(ORIGINALS[name], range(1, 256)) == []


@pytest.mark.parametrize("name", OURS)
def test_no_bit_of_our_bundles_can_flip(name: str) -> None:
    """In a bundle of ours every bit of every byte is checked."""
    verified(OURS[name])
    assert accepted(OURS[name], [1 << bit for bit in range(8)]) == []


@given(st.sampled_from(sorted(OURS.values())), st.data())
def test_no_byte_of_our_bundles_can_become_another(bundle: bytes, data: st.DataObject) -> None:
    """In a bundle of ours no byte can have any other value."""
    position = data.draw(st.integers(0, len(bundle) - 1))
    changed = bytearray(bundle)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BundleError):
        verified(bytes(changed))


@pytest.mark.parametrize("name", UNSIGNED)
def test_not_even_without_a_signature(name: str) -> None:
    """The archive alone gives every flipped bit away, also where nothing is signed."""
    verified(UNSIGNED[name], allow_unsigned=True)
    assert accepted(UNSIGNED[name], [1 << bit for bit in range(8)], allow_unsigned=True) == []


@pytest.mark.parametrize("bundle", [OURS["rom"], ORIGINALS["vectors"]], ids=["ours", "original"])
def test_no_bundle_can_be_cut_or_extended(bundle: bytes) -> None:
    """A bundle cut off anywhere, or with anything before or behind it, is refused."""
    variants = [bundle[:size] for size in range(len(bundle))] + [bundle[size:] for size in range(1, len(bundle))]
    variants += [bundle + b"\0", b"\0" + bundle, bundle + bundle]
    for variant in variants:
        with pytest.raises(BundleError):
            verified(variant)
