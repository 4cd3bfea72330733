"""Layers by their hash, in a folder and in a bucket of a server on this machine."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from mvsdk.bundle import Image, ManifestOptions, create, sign
from mvsdk.cloud.blobs import BlobStore, open_blobs
from mvsdk.cloud.blobs.s3 import S3Blobs
from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.errors import BlobStoreError
from tests.bundle.samples import VECTORS
from tests.cloud.conftest import running_cloud
from tests.cloud.postgresql_server import PostgresqlServer
from tests.cloud.test_refusals import UNSIGNED, upload
from tests.cloud.test_server_process import started

CONTENT = bytes(range(256)) * 40
NAME = hashlib.sha256(CONTENT).hexdigest()


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
SESSION = boto3.Session("key", "secret")


@pytest.fixture
def bucket() -> Iterator[str]:
    """The URL of a place in a bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    SESSION.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="layers")
    yield f"s3://layers/of/apps?endpoint={endpoint}&region=us-east-1"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty store of either kind."""
    if request.param == "folder":
        return open_blobs(str(tmp_path))
    return S3Blobs(request.getfixturevalue("bucket"), SESSION)


def test_a_blob_is_there_until_it_is_removed(blobs: BlobStore) -> None:
    """What was put can be read, whole and in parts, put again, and removed, also twice."""
    for _ in range(2):
        blobs.put(NAME, CONTENT)
    assert blobs.get(NAME) == CONTENT
    assert (blobs.get(NAME, 10, 20), blobs.get(NAME, 10_000), blobs.get(NAME, 7, 7)) == (
        CONTENT[10:20],
        CONTENT[10_000:],
        b"",
    )
    assert blobs.size(NAME) == len(CONTENT)
    for _ in range(2):
        blobs.remove(NAME)
    for read in (blobs.get, blobs.size):
        with pytest.raises(KeyError):
            read(NAME)


def test_a_name_that_is_no_hash_leads_nowhere(tmp_path: Path) -> None:
    """A name cannot lead out of the folder."""
    blobs = open_blobs(str(tmp_path / "blobs"))
    for name in ("../" * 10 + "etc/passwd", "x", NAME.upper(), ""):
        with pytest.raises(KeyError):
            blobs.get(name)
        with pytest.raises(KeyError):
            blobs.put(name, b"")


def test_a_cloud_keeps_its_layers_in_a_bucket(bucket: str, home: dict[str, str]) -> None:
    """With a bucket given, an upload's layer is there, and goes with its app."""
    layer = hashlib.sha256(VECTORS.data).hexdigest()
    kept = S3Blobs(bucket, SESSION)
    with started({**home, **CREDENTIALS}, "--blobs", bucket) as (_, about):
        auth, apps = (about["account_sid"], about["auth_token"]), about["url"] + "/v1/Apps"
        app = requests.post(apps, auth=auth, files={"File": ("a.zip", UNSIGNED)}, timeout=30).json()["sid"]
        assert kept.get(layer) == VECTORS.data
        assert requests.delete(f"{apps}/{app}", auth=auth, timeout=30).status_code == 204
        with pytest.raises(KeyError):
            kept.size(layer)
    assert not (Path(home["MVSDK_CLOUD_DATA"]) / "blobs").exists()


@pytest.mark.parametrize("url", ["s3://", "http://layers", "s3://layers?colour=red"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    """The error says how a place is written."""
    with pytest.raises(BlobStoreError) as refused:
        open_blobs(url)
    assert "s3://BUCKET" in refused.value.remedy


def test_a_bucket_that_is_not_there_is_refused(bucket: str) -> None:
    """A server does not start on a bucket it cannot use."""
    with pytest.raises(BlobStoreError, match="cannot use the bucket"):
        S3Blobs(bucket.replace("layers", "other"), SESSION)


class SlowToRemove:
    """A store in whose `remove` something else is tried."""

    def __init__(self, store: BlobStore, meanwhile: Callable[[], None]) -> None:
        self._store = store
        self._meanwhile = meanwhile
        self.put, self.get, self.size = store.put, store.get, store.size

    def remove(self, name: str) -> None:
        """Remove a blob, after something else had its chance."""
        self._meanwhile()
        self._store.remove(name)


def test_an_upload_and_a_deletion_do_not_lose_a_layer(tmp_path: Path, database_url: str | None) -> None:
    """While the last app with a layer is deleted another one with it is uploaded: it has its layer afterwards."""
    uploads: list[threading.Thread] = []

    def upload_another() -> None:
        uploads.append(threading.Thread(target=upload, args=(cloud, sign(UNSIGNED, cloud.developer))))
        uploads[-1].start()
        uploads[-1].join(0.5)  # long enough, if nothing keeps it from going on

    def alter(whole: Cloud) -> Cloud:
        return replace(whole, blobs=SlowToRemove(whole.blobs, upload_another))

    with running_cloud(tmp_path / "cloud", database_url, alter=alter) as cloud:
        first = upload(cloud, UNSIGNED).json()["sid"]
        assert cloud.call("DELETE", f"/v1/Apps/{first}").status_code == 204
        uploads[0].join()
        (layer,) = cloud.rows("SELECT name FROM layers")
        kept = open_blobs(str(tmp_path / "cloud" / "blobs"))
        assert kept.get(layer["name"]) == VECTORS.data


def test_one_bundle_uploaded_many_times_at_once_is_one_app(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """On two servers with one database, one upload makes the app and all others find it."""
    url = postgresql.new_database()
    with running_cloud(tmp_path / "one", url) as one:
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        with running_cloud(tmp_path / "two", url) as two, ThreadPoolExecutor(8) as threads:
            bundle = sign(UNSIGNED, one.developer)
            answers = list(threads.map(lambda cloud: upload(cloud, bundle), [one, two] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["sid"] for answer in answers}) == 1


def test_an_upload_that_comes_to_nothing_leaves_no_layer(tmp_path: Path) -> None:
    """Where the name is another app's already the new layer goes again, and the other app keeps its own."""
    with running_cloud(tmp_path / "cloud") as cloud:
        assert upload(cloud, UNSIGNED, UniqueName="app").status_code == 201
        other = create(Image(VECTORS.data + bytes(4)), ManifestOptions(), None)
        assert upload(cloud, other, UniqueName="app").status_code == 409
        (layer,) = cloud.rows("SELECT name FROM layers")
        files = [path.name for path in (tmp_path / "cloud" / "blobs").rglob("*") if path.is_file()]
        assert files == [layer["name"]]
