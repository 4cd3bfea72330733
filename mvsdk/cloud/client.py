"""The cloud as its clients see it: the calls of the API, with its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mvsdk.cloud.data_directory import DataDirectory, default_path
from mvsdk.cloud.errors import NotReachableError, RefusedError

TIMEOUT_SECONDS = 30
_START = "start one: mvsdk cloud start --detach"


class CloudClient:
    """Calls one cloud's API as one account. Every call raises NotReachableError, RefusedError."""

    def __init__(self, url: str, account: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.account = account
        self.token = token

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> CloudClient:
        """Return a client of the cloud that MVSDK_CLOUD_URL, MVSDK_CLOUD_ACCOUNT and MVSDK_CLOUD_TOKEN name, or of the
        one that runs on this machine. Raises NotReachableError."""
        url = environment.get("MVSDK_CLOUD_URL")
        if url:
            account, token = environment.get("MVSDK_CLOUD_ACCOUNT", ""), environment.get("MVSDK_CLOUD_TOKEN", "")
            if not (account and token):
                raise NotReachableError(
                    "MVSDK_CLOUD_URL is set, but not who is to log in there",
                    "set MVSDK_CLOUD_ACCOUNT and MVSDK_CLOUD_TOKEN too",
                )
            return cls(url, account, token)
        directory = DataDirectory(default_path(environment))
        running = directory.server()
        if running is None:
            raise NotReachableError("no cloud runs on this machine", _START)
        return cls(running["url"], *directory.credentials())

    def get(self, *path: str, **query: str) -> Any:  # noqa: ANN401 - a JSON document
        """Return what is at a path, whose parts are quoted."""
        return self._call("GET", path, params=query)

    def post(self, *path: str, **fields: str) -> Any:  # noqa: ANN401 - a JSON document
        """Send a form."""
        return self._call("POST", path, data=fields)

    def delete(self, *path: str) -> None:
        """Remove what is at a path."""
        self._call("DELETE", path)

    def upload(self, bundle: Path, **fields: str) -> Any:  # noqa: ANN401 - a JSON document
        """Upload a bundle and return its app."""
        with bundle.open("rb") as file:
            return self._call("POST", ("v1", "Apps"), data=fields, files={"File": (bundle.name, file)})

    def listed(self, *path: str) -> Iterator[Any]:
        """Yield all entries of a list, page by page."""
        page = self.get(*path, PageSize="1000")
        while True:
            yield from page[page["meta"]["key"]]
            further = page["meta"]["next_page_url"]
            if further is None:
                return
            page = self._request("GET", further)

    def _call(self, method: str, path: tuple[str, ...], **body: Any) -> Any:  # noqa: ANN401 - passed on
        return self._request(method, f"{self.url}/{'/'.join(quote(part, safe='') for part in path)}", **body)

    def _request(self, method: str, url: str, **body: Any) -> Any:  # noqa: ANN401 - passed on
        import requests

        try:
            answer = requests.request(method, url, auth=(self.account, self.token), timeout=TIMEOUT_SECONDS, **body)
        except requests.RequestException as error:
            what = f"cannot reach the cloud at {self.url}"
            raise NotReachableError(what, f"check that it runs: mvsdk cloud status; or {_START}") from error
        if answer.status_code == 204:
            return None
        try:
            document = answer.json()
        except requests.JSONDecodeError as error:
            raise NotReachableError(f"what answers at {self.url} is no cloud of mvsdk", "check the URL") from error
        if not answer.ok:
            raise RefusedError(answer.status_code, str(document.get("message", answer.reason)))
        return document
