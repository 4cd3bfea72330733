"""Bundles are those of the original bundler."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mvsdk.bundle import Image, ManifestOptions, create, inspect, sign
from mvsdk.bundle.manifest import Body, Envelope
from tests.bundle.samples import BOARD, KEY, ROM, VECTORS, members, original, verified

GOLDEN = tomllib.loads(Path(__file__).with_name("golden.toml").read_text("utf-8"))


def options(values: Mapping[str, Any]) -> ManifestOptions:
    """Return the options of a golden case."""
    read: dict[str, Any] = {
        name: bytes.fromhex(value) if isinstance(value, str) else value for name, value in values.items()
    }
    return ManifestOptions(**read)


@pytest.mark.parametrize("case", GOLDEN["manifest"], ids=lambda case: case["title"])
def test_the_manifest_is_the_golden_one(case: Mapping[str, Any]) -> None:
    """An unsigned bundle of the golden ROM has the golden members: first the layer, then the manifest."""
    bundle = create(ROM, options(case["options"]), None)
    assert members(bundle) == [(GOLDEN["fetch_hash"], ROM.data), ("manifest", bytes.fromhex(case["bytes"]))]


@pytest.mark.parametrize("case", GOLDEN["manifest"], ids=lambda case: case["title"])
def test_a_golden_bundle_is_accepted(case: Mapping[str, Any]) -> None:
    """A bundle written by the original's rules verifies, and says what the golden case says."""
    bundle = original(create(ROM, options(case["options"]), None))
    result = verified(bundle, allow_unsigned=True)
    assert (result.image, result.options, result.signer_id) == (ROM, options(case["options"]), 0)
    (layer,) = result.layers
    assert layer.fetch_hash.hex() == layer.name == GOLDEN["fetch_hash"]
    assert layer.measurement_hash.hex() == GOLDEN["measurement_hash"]
    assert (layer.memory, layer.start, layer.size) == ("internal_flash", 0, 0x100000)
    assert verified(sign(bundle, KEY)).options == options(case["options"])


@pytest.mark.parametrize("level", [None, *range(10)])
def test_whatever_level_the_original_compresses_with(level: int | None) -> None:
    """A bundle of the original is accepted from every level of compression, and stored."""
    bundle = create(VECTORS, ManifestOptions(), KEY)
    assert verified(original(bundle, level)).image == VECTORS
    assert verified(original(bundle, method=zipfile.ZIP_STORED)).image == VECTORS


def test_headers_are_those_of_the_original() -> None:
    """Name, date, system, versions, flags, method and attributes of our members are those of the original's."""
    ours = create(ROM, ManifestOptions(), None)
    names = (
        *("filename", "file_size", "CRC", "date_time", "compress_type", "flag_bits", "extra", "comment", "volume"),
        *("create_system", "create_version", "extract_version", "reserved", "internal_attr", "external_attr"),
    )
    seen = []
    for archive in (ours, original(ours)):
        infos = zipfile.ZipFile(io.BytesIO(archive)).infolist()
        seen.append([{name: getattr(info, name) for name in names} for info in infos])
    assert seen[0] == seen[1]


def test_crash_and_politeness_options_are_written_when_they_say_something() -> None:
    """The options of the first bundler appear in their sub-messages, and `crash` is absent without them."""
    said = ManifestOptions(
        debuggable=True,
        maximum_politeness_time_sec=3600,
        minimum_restart_ms=1000,
        maximum_restart_ms=60000,
        crash_report_pubkey=KEY.public.point,
        include_stack_bytes=512,
    )
    body = Body((), said).encode()
    assert body.hex() == (
        "12020801"  # debug { debuggable }
        f"1a4d08e80710e0d4031a41{KEY.public.point.hex()}208004"  # crash
        "220308901c2a00"  # update, connectivity
    )
    assert Body.parse(body).options == said
    assert Body((), ManifestOptions()).encode().hex() == "22002a00"


def test_the_signature_is_over_prefix_and_body() -> None:
    """What is signed is twlo-mv-manifest-v1, a zero byte, and the body; the signer's id stands beside it."""
    manifest = Envelope.parse(dict(members(create(ROM, ManifestOptions(), KEY)))["manifest"])
    unsigned = Envelope.parse(bytes.fromhex(GOLDEN["manifest"][0]["bytes"]))
    assert manifest.body == unsigned.body
    assert manifest.signature == KEY.sign(b"twlo-mv-manifest-v1\0" + unsigned.body)
    assert manifest.signer_id == KEY.public.id


@pytest.mark.parametrize("image", [ROM, VECTORS], ids=["rom", "vectors"])
def test_the_same_input_gives_the_same_bytes(image: Image) -> None:
    """Making a bundle twice, or making and then signing it, gives the same bytes."""
    assert create(image, ManifestOptions(), KEY) == create(image, ManifestOptions(), KEY)
    assert sign(create(image, ManifestOptions(), None), KEY) == create(image, ManifestOptions(), KEY)
    assert sign(original(create(image, ManifestOptions(), None)), KEY) == create(image, ManifestOptions(), KEY)


def test_a_golden_bundle_is_described() -> None:
    """`inspect` shows the golden values of a golden bundle."""
    report = inspect(original(create(ROM, ManifestOptions(), None)), BOARD, {})
    assert report["problems"] == []
    assert report["layers"] == [
        {
            "memory": "internal_flash",
            "start": 0,
            "size": 0x100000,
            "encrypted_with_key_id": None,
            "fetch_hash": GOLDEN["fetch_hash"],
            "measurement_hash": GOLDEN["measurement_hash"],
        }
    ]
