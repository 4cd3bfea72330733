"""Blobs as objects of a bucket, at Amazon or any server that speaks the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from mvsdk.cloud.errors import BlobStoreError

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.exceptions import ClientError

_MISSING = {"404", "NoSuchKey", "NotFound", "InvalidRange"}


class S3Blobs:
    """A `BlobStore` at `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`.

    Credentials come from `session`, or where all programs of that world look (AWS_ACCESS_KEY_ID, profiles, instance
    roles). Raises BlobStoreError where the bucket cannot be used.
    """

    def __init__(self, url: str, session: Session | None = None) -> None:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = query.keys() - {"endpoint", "region"}
        if parts.scheme != "s3" or not parts.netloc or unknown:
            raise BlobStoreError(f"{url} is no place for layers", "write s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        self._client = _client(session, query.get("endpoint"), query.get("region"))
        with self._telling("use the bucket"):
            self._client.head_bucket(Bucket=self._bucket)

    def put(self, name: str, content: bytes) -> None:
        """See `BlobStore.put`."""
        with self._telling("write a layer"):
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=content)

    def get(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """See `BlobStore.get`."""
        if end is not None and end <= start:
            return b""
        span = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with self._telling("read a layer"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), **span)
            except self._client.exceptions.ClientError as error:
                raise _missing(error, name) from None
            content: bytes = answer["Body"].read()
            return content

    def size(self, name: str) -> int:
        """See `BlobStore.size`."""
        with self._telling("read a layer"):
            try:
                return int(self._client.head_object(Bucket=self._bucket, Key=self._key(name))["ContentLength"])
            except self._client.exceptions.ClientError as error:
                raise _missing(error, name) from None

    def remove(self, name: str) -> None:
        """See `BlobStore.remove`."""
        with self._telling("remove a layer"):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextlib.contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Turn what the library raises into an error of ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise BlobStoreError(
                f"cannot {what} in s3://{self._bucket}: {error}", "check bucket, endpoint and credentials"
            ) from error


def _client(session: Session | None, endpoint: str | None, region: str | None) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise BlobStoreError("S3 needs the package boto3", "install it: pip install 'mvsdk[s3]'") from error
    retries = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=10, read_timeout=30)
    return (session or boto3.Session()).client("s3", endpoint_url=endpoint, region_name=region, config=retries)


def _missing(error: ClientError, name: str) -> Exception:
    """Return `KeyError` for an object that is not there, and the error itself for everything else."""
    return KeyError(name) if error.response.get("Error", {}).get("Code") in _MISSING else error
