"""The cloud as its clients see it: the calls of the API, with its errors as ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mvsdk.cloud.data_directory import DataDirectory, default_path
from mvsdk.cloud.errors import NotReachableError, RefusedError
from mvsdk.cloud.listening import is_loopback

if TYPE_CHECKING:
    import requests

TIMEOUT_SECONDS = 30
RETRY_SECONDS = 0.5
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

    def followed(self, *path: str, **query: str) -> Iterator[tuple[str, Any]]:
        """Yield kind and document of every event of a stream, for ever.

        A connection that breaks is made again, as often as it takes; only the first attempt raises NotReachableError.
        """
        last: str | None = None
        begun = False
        while True:
            try:
                for event, document, number in self._events(path, query, last):
                    begun, last = True, number
                    yield event, document
            except NotReachableError:
                if not begun:
                    raise
            begun = True
            time.sleep(RETRY_SECONDS)

    def _events(
        self, path: tuple[str, ...], query: Mapping[str, str], last: str | None
    ) -> Iterator[tuple[str, Any, str]]:
        """Yield the events of one connection (HTML standard, "Server-sent events"): kind, document, id."""
        import requests

        headers = {"Last-Event-ID": last} if last else {}
        url = self._url(path)
        try:
            with self._send("GET", url, params=query, headers=headers, stream=True) as answer:
                if not answer.ok:
                    self._document(answer)
                fields: dict[str, str] = {}
                for raw in answer.iter_lines():  # of bytes: text would be cut at every Unicode line separator
                    line = raw.decode()
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                    elif "data" in fields:
                        yield fields["event"], json.loads(fields["data"]), fields["id"]
                        fields = {}
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return

    def _call(self, method: str, path: tuple[str, ...], **body: Any) -> Any:  # noqa: ANN401 - passed on
        return self._request(method, self._url(path), **body)

    def _url(self, path: tuple[str, ...]) -> str:
        return f"{self.url}/{'/'.join(quote(part, safe='') for part in path)}"

    def _request(self, method: str, url: str, **body: Any) -> Any:  # noqa: ANN401 - passed on
        return self._document(self._send(method, url, **body))

    def _send(self, method: str, url: str, **body: Any) -> requests.Response:  # noqa: ANN401 - passed on
        import requests

        try:
            return requests.request(
                method,
                url,
                auth=(self.account, self.token),
                timeout=TIMEOUT_SECONDS,
                proxies=_proxies(urlsplit(url).hostname or ""),
                **body,
            )
        except requests.RequestException as error:
            what = f"cannot reach the cloud at {self.url}"
            raise NotReachableError(what, f"check that it runs: mvsdk cloud status; or {_START}") from error

    def _document(self, answer: requests.Response) -> Any:  # noqa: ANN401 - a JSON document
        import requests

        if answer.status_code == 204:
            return None
        try:
            document = answer.json()
        except requests.JSONDecodeError as error:
            raise NotReachableError(f"what answers at {self.url} is no cloud of mvsdk", "check the URL") from error
        if answer.status_code == 503:
            raise NotReachableError(f"the cloud at {self.url} says: {document.get('message')}", "try again later")
        if not answer.ok:
            raise RefusedError(answer.status_code, str(document.get("message", answer.reason)))
        return document


def _proxies(host: str) -> dict[str, str]:
    """Return what is to be said about proxies besides what the environment says.

    Those are for the world outside: they cannot reach this machine's own addresses, and are not to see what is said
    here.
    """
    return {"no_proxy": host} if is_loopback(host) else {}
