"""/mvsdk/v1/ApiKeys and /mvsdk/v1/Users: who else may do something here. The account's own token alone manages them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from mvsdk.cloud import identifiers, passwords
from mvsdk.cloud.database import ConflictError, Connection, Row
from mvsdk.cloud.http import forms, paging
from mvsdk.cloud.http.calls import Call, Endpoint, answer
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.description import PREFIX, Operation, Parameter
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import accounts, audit, users
from mvsdk.cloud.store.pages import Listing, cut_page

KEY_NAME_LENGTH = 100
PASSWORD_LEAST, PASSWORD_MOST = 8, 1000


class PageMeta(msgspec.Struct):
    """Where a page of a list stands, and what leads on from it."""

    page: int
    page_size: int
    first_page_url: str
    previous_page_url: str | None
    next_page_url: str | None
    url: str
    key: str


class ApiKey(msgspec.Struct):
    """Credentials of a program."""

    sid: Annotated[str, Meta(pattern="^SK[0-9a-f]{32}$")]
    name: str
    date_created: str


class NewApiKey(ApiKey):
    """An API key that was just made. Its secret is in this answer and nowhere else."""

    secret: str


class ApiKeys(msgspec.Struct):
    """A page of API keys."""

    api_keys: list[ApiKey]
    meta: PageMeta


class User(msgspec.Struct):
    """Somebody who may log in at the console."""

    name: str
    date_created: str


class Users(msgspec.Struct):
    """A page of users."""

    users: list[User]
    meta: PageMeta


def operations() -> list[Operation]:
    """Return everything that is served here."""
    name = Parameter(
        "Name", "What to log in with", {"type": "string", "maxLength": identifiers.NAME_LENGTH}, required=True
    )
    password = Parameter(
        "Password",
        "What only they know",
        {"type": "string", "minLength": PASSWORD_LEAST, "maxLength": PASSWORD_MOST},
        required=True,
    )
    key_name = Parameter("Name", "What the key is for", {"type": "string", "maxLength": KEY_NAME_LENGTH}, required=True)
    served: list[tuple[str, str, str, Endpoint, type[msgspec.Struct] | None, int, list[Parameter]]] = [
        ("GET", "/ApiKeys", "List API keys.", _list_keys, ApiKeys, 200, []),
        ("POST", "/ApiKeys", "Make an API key.", _create_key, NewApiKey, 201, [key_name]),
        ("DELETE", "/ApiKeys/{Sid}", "Remove an API key.", _remove_key, None, 204, []),
        ("GET", "/Users", "List users.", _list_users, Users, 200, []),
        ("POST", "/Users", "Make a user.", _create_user, User, 201, [name, password]),
        ("POST", "/Users/{Name}", "Give a user another password.", _change_password, User, 200, [password]),
        ("DELETE", "/Users/{Name}", "Remove a user.", _remove_user, None, 204, []),
    ]
    return [
        Operation(method, path, summary, _by_owner(endpoint), reply, status, form)
        for method, path, summary, endpoint, reply, status, form in served
    ]


def _by_owner(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that only the account's own token opens: a key or a person may not make others."""

    async def serve(call: Call) -> Response:
        if call.caller.who != call.account:
            raise Problem("forbidden", "API keys and users are managed with the account's own token")
        return await endpoint(call)

    return serve


# -- API keys ----------------------------------------------------------------------------------------------------------


async def _list_keys(call: Call) -> Response:
    return await _listed(call, accounts.API_KEYS, "api_keys", "ApiKeys", _shown_key)


async def _create_key(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Name"})
    name, now_us = forms.required(fields, "Name", KEY_NAME_LENGTH), call.cloud.now_us()
    if not name.isprintable():
        raise Problem("bad-parameter", "The parameter Name has characters that cannot be printed")

    def create(connection: Connection) -> tuple[str, str]:
        sid, secret = accounts.add_api_key(connection, call.account, name, now_us)
        _note(connection, call, "create api key", sid)
        return sid, secret

    sid, secret = await call.cloud.database.write(create)
    return answer(NewApiKey(sid, name, date(now_us) or "", secret), 201)


async def _remove_key(call: Call) -> Response:
    sid = call.path("Sid")
    return await _removed(call, lambda c: accounts.remove_api_key(c, call.account, sid), "remove api key", sid)


def _shown_key(row: Row) -> dict[str, Any]:
    return {"sid": row["sid"], "name": row["name"], "date_created": date(row["created_us"])}


# -- users -------------------------------------------------------------------------------------------------------------


async def _list_users(call: Call) -> Response:
    return await _listed(call, users.LISTING, "users", "Users", _shown_user)


async def _create_user(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Name", "Password"})
    name, now_us = forms.required(fields, "Name", identifiers.NAME_LENGTH), call.cloud.now_us()
    if not identifiers.is_unique_name(name):
        raise Problem("bad-parameter", "The parameter Name is empty, has a slash, or looks like a SID")
    password = await _password(fields)

    def create(connection: Connection) -> None:
        try:
            users.add(connection, call.account, name, password, now_us)
        except ConflictError as error:
            raise Problem("conflict", f"There is a user of this name already: {name}") from error
        _note(connection, call, "create user", name)

    await call.cloud.database.write(create)
    return answer(User(name, date(now_us) or ""), 201)


async def _change_password(call: Call) -> Response:
    fields, name = await forms.read_form(call.request, {"Password"}), call.path("Name")
    password = await _password(fields)

    def change(connection: Connection) -> Row | None:
        if not users.change_password(connection, call.account, name, password):
            return None
        _note(connection, call, "change password", name)
        return users.find(connection, name)

    row = await call.cloud.database.write(change)
    if row is None:
        raise call.missing()
    return answer(_shown_user(row))


async def _remove_user(call: Call) -> Response:
    name = call.path("Name")
    return await _removed(call, lambda c: users.remove(c, call.account, name), "remove user", name)


async def _password(fields: dict[str, str]) -> bytes:
    """Return the field Password as it is kept. Raises Problem, which does not show it."""
    password = forms.required(fields, "Password", PASSWORD_MOST)
    if len(password) < PASSWORD_LEAST:
        raise Problem("bad-parameter", f"The parameter Password has fewer than {PASSWORD_LEAST} characters")
    return await asyncio.to_thread(passwords.protected, password)


def _shown_user(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "date_created": date(row["created_us"])}


# -- both --------------------------------------------------------------------------------------------------------------


async def _listed(
    call: Call, listing: Listing, key: str, kind: str, shown: Callable[[Row], dict[str, Any]]
) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, str)
    page = await call.cloud.database.read(lambda c: cut_page(c, listing, [call.account], cut, size))
    return answer(paging.listed(key, f"{call.base_url}{PREFIX[1:]}/{kind}", page, size, number, shown))


async def _removed(call: Call, remove: Callable[[Connection], bool], what: str, subject: str) -> Response:
    def work(connection: Connection) -> bool:
        there = remove(connection)
        if there:
            _note(connection, call, what, subject)
        return there

    if not await call.cloud.database.write(work):
        raise call.missing()
    return Response(status_code=204)


def _note(connection: Connection, call: Call, what: str, subject: str) -> None:
    audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, what, subject)
