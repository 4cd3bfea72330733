"""Who looks at the console: a sealed cookie says it, so that any server on the same data knows its visitors.

A form is taken only with the visit's own token in it and from a page of ours.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store.accounts import Caller

COOKIE = "mvsdk-console"
LASTS_SECONDS = 12 * 3600
_PLACE = "console visit"


class _Visit(msgspec.Struct):
    """What the cookie says."""

    account: str
    who: str
    form_token: str
    until_us: int


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has logged in; `form_token` is in every form of theirs."""

    caller: Caller
    form_token: str


def begin(cloud: Cloud, caller: Caller, response: Response, *, secure: bool) -> None:
    """Give the browser a cookie."""
    until_us = cloud.now_us() + LASTS_SECONDS * 1_000_000
    visit = _Visit(caller.account, caller.who, secrets.token_hex(16), until_us)
    sealed = cloud.seal.close(msgspec.json.encode(visit).decode(), _PLACE).hex()
    response.set_cookie(
        COOKIE, sealed, max_age=LASTS_SECONDS, path="/", secure=secure, httponly=True, samesite="strict"
    )


def end(response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, path="/")


def current(cloud: Cloud, request: Request) -> Visit | None:
    """Return whose cookie a request has; None for none, a forged or an old one."""
    try:
        text = cloud.seal.open(bytes.fromhex(request.cookies.get(COOKIE, "")), _PLACE)
        visit = msgspec.json.decode(text, type=_Visit)
    except ValueError:  # msgspec's errors are ValueErrors too
        return None
    if visit.until_us < cloud.now_us():
        return None
    return Visit(Caller(visit.account, visit.who), visit.form_token)


def check_form(request: Request, visit: Visit, token: str) -> None:
    """Prove that a form is one of this visit's pages. Raises Problem."""
    origin = request.headers.get("origin")
    ours = origin is None or origin == str(request.base_url).rstrip("/")
    if not ours or not hmac.compare_digest(token.encode(), visit.form_token.encode()):
        raise Problem("forbidden", "This form is not one of the console's pages; load the page again")
