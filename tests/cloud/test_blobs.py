"""Layers by their hash, in a folder and in a bucket of a server on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mvsdk.cloud.blobs import BlobStore, open_blobs
from mvsdk.cloud.errors import BlobStoreError
from tests.cloud.conftest import running_cloud
from tests.cloud.test_refusals import UNSIGNED, upload

CONTENT = bytes(range(256)) * 40
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a place in a bucket; the credentials are in the environment, as they are for every S3 program."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="layers")
    yield f"s3://layers/of/apps?endpoint={endpoint}&region=us-east-1"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty store of either kind."""
    return open_blobs(str(tmp_path) if request.param == "folder" else request.getfixturevalue("bucket"))


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


def test_a_cloud_keeps_its_layers_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    """With a bucket given, an upload's layer is there, and goes with its app."""
    with running_cloud(tmp_path / "cloud", blobs=bucket) as cloud:
        app = upload(cloud, UNSIGNED).json()["sid"]
        layer = cloud.rows("SELECT name FROM layers")[0]["name"]
        assert open_blobs(bucket).size(layer) > 0
        assert cloud.call("DELETE", f"/v1/Apps/{app}").status_code == 204
        with pytest.raises(KeyError):
            open_blobs(bucket).size(layer)
    assert not (tmp_path / "cloud" / "blobs").exists()


@pytest.mark.parametrize("url", ["s3://", "http://layers", "s3://layers?colour=red"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    """The error says how a place is written."""
    with pytest.raises(BlobStoreError) as refused:
        open_blobs(url)
    assert "s3://BUCKET" in refused.value.remedy


def test_a_bucket_that_is_not_there_is_refused(bucket: str) -> None:
    """A server does not start on a bucket it cannot use."""
    with pytest.raises(BlobStoreError, match="cannot use the bucket"):
        open_blobs(bucket.replace("layers", "other"))
