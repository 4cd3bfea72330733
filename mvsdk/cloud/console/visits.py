"""Who looks at the console: a sealed cookie says it, so that any server on the same data knows its visitors.

A visit ends with the credentials that began it. A form is taken only with the visit's own token in it and from a page
of ours.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import accounts
from mvsdk.cloud.store.accounts import Caller

COOKIE = "mvsdk-console"
LASTS_SECONDS = 12 * 3600
_PLACE = "console visit"


class _Visit(msgspec.Struct):
    """What the cookie says."""

    account: str
    who: str
    stamp: str
    form_token: str
    until_us: int


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has logged in; `form_token` is in every form of theirs."""

    caller: Caller
    form_token: str


async def begin(cloud: Cloud, caller: Caller, response: Response, *, secure: bool) -> None:
    """Give the browser a cookie."""
    stamp = await cloud.database.read(lambda c: accounts.stamp(c, caller))
    until_us = cloud.now_us() + LASTS_SECONDS * 1_000_000
    visit = _Visit(caller.account, caller.who, stamp or "", secrets.token_hex(16), until_us)
    sealed = cloud.seal.close(msgspec.json.encode(visit).decode(), _PLACE).hex()
    response.set_cookie(
        COOKIE, sealed, max_age=LASTS_SECONDS, path="/", secure=secure, httponly=True, samesite="strict"
    )


def end(response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, path="/")


async def current(cloud: Cloud, request: Request) -> Visit | None:
    """Return whose cookie a request has; None for none, a forged or an old one, or one of credentials that changed."""
    try:
        text = cloud.seal.open(bytes.fromhex(request.cookies.get(COOKIE, "")), _PLACE)
        visit = msgspec.json.decode(text, type=_Visit)
    except ValueError:  # msgspec's errors are ValueErrors too
        return None
    if visit.until_us < cloud.now_us():
        return None
    caller = Caller(visit.account, visit.who)
    stamp = await cloud.database.read(lambda c: accounts.stamp(c, caller))
    return Visit(caller, visit.form_token) if stamp == visit.stamp else None


async def while_it_lasts(cloud: Cloud, request: Request, stream: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Yield what a stream yields until the request's visit is over."""
    async with contextlib.aclosing(stream):
        async for piece in stream:
            if await current(cloud, request) is None:
                return
            yield piece


def check_form(request: Request, visit: Visit, token: str) -> None:
    """Prove that a form is one of this visit's pages. Raises Problem."""
    origin = request.headers.get("origin")
    ours = origin is None or origin == str(request.base_url).rstrip("/")
    if not ours or not hmac.compare_digest(token.encode(), visit.form_token.encode()):
        raise Problem("forbidden", "This form is not one of the console's pages; load the page again")
