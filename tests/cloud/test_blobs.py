"""Layers by their hash, in a folder and in a bucket of a server on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from mvsdk.cloud.blobs import BlobStore, open_blobs
from mvsdk.cloud.blobs.s3 import S3Blobs
from mvsdk.cloud.errors import BlobStoreError
from tests.bundle.samples import VECTORS
from tests.cloud.test_refusals import UNSIGNED
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
