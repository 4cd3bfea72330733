"""Pages of lists as the API has them (rest-api.md, "Pagination")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from mvsdk.cloud.database import Row
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store.pages import Cut, Page

PAGE_SIZE, PAGE_SIZE_MOST = 50, 1000
_PAGE_MOST = 2**31


class _Token(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a PageToken says."""

    backwards: bool
    key: str | int


def wanted(query: QueryParams, key_type: type[str] | type[int]) -> tuple[Cut, int, int]:
    """Return the cut, the size and the page number that a query asks for. Raises Problem."""
    size = _number(query, "PageSize", PAGE_SIZE, 1, PAGE_SIZE_MOST)
    number = _number(query, "Page", 0, 0, _PAGE_MOST)
    token = query.get("PageToken")
    return (_cut(token, key_type) if token else Cut()), size, number


def listed(
    name: str, url: str, page: Page, size: int, number: int, shown: Callable[[Row], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the document of a page of the list at `url`, whose rows are `shown` under `name`."""

    def at(page_number: int, cut: Cut | None) -> str:
        query = {"PageSize": str(size), "Page": str(page_number)}
        return f"{url}?{urlencode(query | ({} if cut is None else {'PageToken': _token(cut)}))}"

    meta = {
        "page": number,
        "page_size": size,
        "first_page_url": at(0, None),
        "previous_page_url": at(max(0, number - 1), page.previous) if page.previous else None,
        "next_page_url": at(number + 1, page.next) if page.next else None,
        "url": at(number, None),
        "key": name,
    }
    return {name: [shown(row) for row in page.rows], "meta": meta}


def _number(query: QueryParams, name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise Problem("bad-parameter", f"The parameter {name} is not a number from {least} to {most}")
    return int(text)


def _token(cut: Cut) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Token(cut.backwards, cut.key or 0))).decode().rstrip("=")


def _cut(token: str, key_type: type[str] | type[int]) -> Cut:
    try:
        padded = token + "=" * (-len(token) % 4)
        found = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=_Token)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise Problem("bad-parameter", "The parameter PageToken is not one of ours") from error
    if not isinstance(found.key, key_type) or (isinstance(found.key, int) and abs(found.key) >= 2**63):
        raise Problem("bad-parameter", "The parameter PageToken is not one of this list's")
    return Cut(found.key, found.backwards)
