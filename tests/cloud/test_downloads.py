"""What devices fetch to update themselves: their own target only, at any byte, and as little of it as is needed."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import detools
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvsdk.bundle import Image, ManifestOptions, UnverifiedBundle, create
from tests.cloud.conftest import TOKEN, RunningCloud, running_cloud

BASE = "/mvsdk/v1/downloads/"
SIZE = 20_000


def firmware(change: bytes = b"") -> Image:
    """Return an image that no compression helps; `change` is somewhere in its middle."""
    noise = random.Random(7).randbytes(SIZE)  # noqa: S311 - firmware, not a secret
    vectors = struct.pack("<175I", 0x20080000, 0x08000201, *[0x08000235] * 173)
    return Image(vectors + noise[: SIZE // 2] + change + noise[SIZE // 2 :])


def uploaded(
    cloud: RunningCloud, image: Image, name: str = "", options: ManifestOptions | None = None
) -> tuple[str, str, str, bytes]:
    """Upload an image; return the app's SID and hash, and its layer's name and content."""
    bundle = create(image, options or ManifestOptions(), cloud.developer)
    fields = {"UniqueName": name} if name else {}
    app = cloud.call("POST", "/v1/Apps", files={"File": ("a.zip", BytesIO(bundle))}, data=fields).json()
    [(layer, content)] = UnverifiedBundle.parse(bundle).layers.items()
    return app["sid"], app["hash"], layer, content


def targeted(cloud: RunningCloud, sid: str, app: str) -> None:
    """Let a device run an app."""
    assert cloud.call("POST", f"/v1/Devices/{sid}", data={"TargetApp": app}).ok


def fetch(cloud: RunningCloud, sid: str, path: str, token: str = TOKEN, **headers: str) -> requests.Response:
    """Fetch something as a device."""
    shown = {name.replace("_", "-"): text for name, text in headers.items()}
    shown["Authorization"] = f"Bearer {sid}:{token}"
    return requests.get(cloud.url + BASE + path, headers=shown, timeout=60)


def test_a_device_fetches_its_target(cloud: RunningCloud) -> None:
    """Manifest and layers of the target come whole, each with its content's hash as ETag."""
    sid, (app, app_hash, layer, content) = cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, sid, app)
    manifest = fetch(cloud, sid, f"manifests/{app_hash}")
    encoded = cloud.call("GET", f"/v1/Apps/{app}/Manifest").json()
    assert (manifest.status_code, manifest.headers["etag"]) == (200, f'"{encoded["hash"]}"')
    whole = fetch(cloud, sid, f"layers/{layer}")
    assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, content, f'"sha256:{layer}"')
    assert fetch(cloud, sid, f"layers/{layer}", If_None_Match=f'"sha256:{layer}"').status_code == 304


def test_nobody_fetches_what_is_another_s(cloud: RunningCloud) -> None:
    """Strangers get 401; a device gets nothing of apps that are not its target, whatever it says that it runs."""
    one, other, (app, app_hash, layer, _) = cloud.new_device(), cloud.new_device(), uploaded(cloud, firmware())
    mine, _, my_layer, _ = uploaded(cloud, firmware(b"mine"))
    targeted(cloud, one, app)
    targeted(cloud, other, mine)
    cloud.change("UPDATE devices SET reported_sid = ?, reported_hash = ? WHERE sid = ?", app, app_hash, other)
    assert fetch(cloud, one, f"layers/{layer}", token="1" * 64).status_code == 401
    assert requests.get(f"{cloud.url}{BASE}layers/{layer}", auth=cloud.auth, timeout=30).status_code == 401
    for path in (f"layers/{layer}", f"manifests/{app_hash}", f"layers/{my_layer}/from/{layer}", "layers/..%2fx"):
        assert fetch(cloud, other, path).status_code == 404
    targeted(cloud, one, mine)
    assert fetch(cloud, one, f"layers/{layer}").status_code == 404


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a generator
    """A cloud, a device, and the layer it may have."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        sid, (app, _, layer, content) = cloud.new_device(), uploaded(cloud, firmware())
        targeted(cloud, sid, app)
        yield cloud, sid, layer, content


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(first=st.none() | st.integers(0, 2 * SIZE), last=st.none() | st.integers(0, 2 * SIZE))
def test_any_range_is_what_it_says(
    served: tuple[RunningCloud, str, str, bytes], first: int | None, last: int | None
) -> None:
    """A range has the bytes of the whole at its place, or the answer says that it has none."""
    cloud, sid, layer, content = served
    size = len(content)
    wanted = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    answer = fetch(cloud, sid, f"layers/{layer}", Range=wanted)
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        assert (answer.status_code, answer.content) == (200, content)
        return
    start, end = (max(0, size - (last or 0)), size) if first is None else (first, size if last is None else last + 1)
    if start >= size or end == start:
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
        return
    assert (answer.status_code, answer.content) == (206, content[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{min(end, size) - 1}/{size}"


@pytest.mark.parametrize("wanted", ["bytes=a-b", "bytes=0-1,3-4", "lines=1-2", "bytes=1", "bytes=-", "bytes=²-"])
def test_a_range_that_is_none_is_the_whole(served: tuple[RunningCloud, str, str, bytes], wanted: str) -> None:
    """What is no single range is passed over, as HTTP wants it."""
    cloud, sid, layer, content = served
    shown = {"Authorization": f"Bearer {sid}:{TOKEN}", "Range": wanted.encode()}
    answer = requests.get(f"{cloud.url}{BASE}layers/{layer}", headers=shown, timeout=30)  # type: ignore[arg-type]
    assert (answer.status_code, answer.content) == (200, content)


def test_a_download_goes_on_only_with_the_same_content(served: tuple[RunningCloud, str, str, bytes]) -> None:
    """If-Range with the content's hash gives the rest, with anything else the whole."""
    cloud, sid, layer, content = served
    rest = fetch(cloud, sid, f"layers/{layer}", Range="bytes=100-", If_Range=f'"sha256:{layer}"')
    assert (rest.status_code, rest.content) == (206, content[100:])
    for other in ('"sha256:0"', f'W/"sha256:{layer}"', "Sat, 01 Jan 2028 00:00:00 GMT"):
        assert fetch(cloud, sid, f"layers/{layer}", Range="bytes=100-", If_Range=other).status_code == 200


def test_a_delta_makes_the_layer_of_the_one_before(cloud: RunningCloud) -> None:
    """A small change is a small delta, made once, had in ranges, and gone with the app."""
    sid = cloud.new_device()
    old, _, old_layer, base = uploaded(cloud, firmware())
    new, _, new_layer, content = uploaded(cloud, firmware(b"a small change"))
    targeted(cloud, sid, old)
    targeted(cloud, sid, new)
    path = f"layers/{new_layer}/from/{old_layer}"
    whole = fetch(cloud, sid, path)
    assert whole.status_code == 200
    assert len(whole.content) < len(content) // 10
    made = BytesIO()
    detools.apply_patch(BytesIO(base), BytesIO(whole.content), made)
    assert made.getvalue() == content
    part = fetch(cloud, sid, path, Range="bytes=10-", If_Range=whole.headers["etag"])
    assert (part.status_code, part.content) == (206, whole.content[10:])
    assert len(cloud.rows("SELECT * FROM deltas")) == 1
    assert fetch(cloud, sid, f"layers/{new_layer}/from/{new_layer}").status_code == 404
    targeted(cloud, sid, old)
    assert cloud.call("DELETE", f"/v1/Apps/{new}").status_code == 204
    assert cloud.rows("SELECT * FROM deltas") == []


def test_a_delta_that_is_not_smaller_is_not_offered(cloud: RunningCloud) -> None:
    """Of two images that have nothing in common the device fetches the layer itself."""
    sid = cloud.new_device()
    old, _, old_layer, _ = uploaded(cloud, firmware())
    other = Image(firmware().data[:700] + random.Random(8).randbytes(9000))  # noqa: S311 - firmware
    new, _, new_layer, _ = uploaded(cloud, other)
    targeted(cloud, sid, old)
    targeted(cloud, sid, new)
    for _ in range(2):
        assert fetch(cloud, sid, f"layers/{new_layer}/from/{old_layer}").status_code == 404
    assert [row["blob"] for row in cloud.rows("SELECT * FROM deltas")] == [None]


def test_a_delta_whose_blob_was_lost_is_made_again(tmp_path: Path) -> None:
    """A delta is a cache: a cloud restored without its file gives the same bytes."""
    with running_cloud(tmp_path / "cloud") as cloud:
        sid = cloud.new_device()
        layers = []
        for change in (b"", b"changed"):
            app, _, layer, _ = uploaded(cloud, firmware(change))
            targeted(cloud, sid, app)
            layers.append(layer)
        path = f"layers/{layers[1]}/from/{layers[0]}"
        before = fetch(cloud, sid, path).content
        [row] = cloud.rows("SELECT blob FROM deltas")
        (tmp_path / "cloud" / "blobs" / row["blob"][:2] / row["blob"]).unlink()
        assert fetch(cloud, sid, path).content == before


def test_too_many_downloads_come_later(tmp_path: Path) -> None:
    """A cloud that has enough to do asks for patience with 429 and Retry-After, and answers all who come one by one."""
    with running_cloud(tmp_path / "none", alter=lambda cloud: replace(cloud, downloads_most=0)) as cloud:
        answer = fetch(cloud, cloud.new_device(), "layers/" + "0" * 64)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
    with running_cloud(tmp_path / "one", alter=lambda cloud: replace(cloud, downloads_most=1)) as cloud:
        sid, (app, _, layer, content) = cloud.new_device(), uploaded(cloud, firmware())
        targeted(cloud, sid, app)
        for path, status in ((f"layers/{layer}", 200), ("layers/" + "0" * 64, 404)) * 3:
            assert fetch(cloud, sid, path).status_code == status
        assert fetch(cloud, sid, f"layers/{layer}", Range=f"bytes={len(content)}-").status_code == 416
        assert fetch(cloud, sid, f"layers/{layer}").content == content
