"""/mvsdk/v1/NewKeys and /mvsdk/v1/Signers: whom devices trust, and whose bundles are taken."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from mvsdk.cloud.database import ConflictError, Connection, Row
from mvsdk.cloud.errors import NewKeysError, NewKeysNumberError
from mvsdk.cloud.http import forms, paging
from mvsdk.cloud.http.access import PageMeta
from mvsdk.cloud.http.calls import Call, answer
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.description import PREFIX, Operation, Parameter
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.new_keys import MESSAGE_BYTES, Message, check
from mvsdk.cloud.store import accounts, audit
from mvsdk.cloud.store import new_keys as store
from mvsdk.cloud.store.pages import cut_page
from mvsdk.errors import BundleError
from mvsdk.keys import PublicKey

KeyId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
_BASE64_LENGTH = (MESSAGE_BYTES + 2) // 3 * 4
_PEM_LENGTH, _NAME_LENGTH = 4096, 100


class AddedKey(msgspec.Struct):
    """A key that devices are to trust, as PEM."""

    id: KeyId
    public_key: str


class KeySignature(msgspec.Struct):
    """Who signed a message. Where not `verified` the cloud does not know the key; devices check it all the same."""

    id: KeyId
    verified: bool


class NewKeysMessage(msgspec.Struct):
    """A change of the keys that devices trust. `threshold` 0 leaves it as it was; `message` is base64."""

    number: int
    added: list[AddedKey]
    revoked: list[KeyId]
    threshold: int
    signers: list[KeySignature]
    message: str
    created_by: str
    date_created: str


class NewKeysMessages(msgspec.Struct):
    """A page of NewKeys messages."""

    new_keys: list[NewKeysMessage]
    meta: PageMeta


class Signer(msgspec.Struct):
    """A key whose bundles are taken."""

    name: str
    id: KeyId


class Signers(msgspec.Struct):
    """All of them. `own` is the cloud's own key, with which unsigned bundles are signed; devices made here trust it."""

    signers: list[Signer]
    own: AddedKey


def operations() -> list[Operation]:
    """Return everything that is served here."""
    text = {"type": "string", "maxLength": _BASE64_LENGTH}
    trusting = [
        Parameter("Name", "What to call the key", {"type": "string", "maxLength": _NAME_LENGTH}, required=True),
        Parameter("PublicKey", "PEM text", required=True),
    ]
    return [
        Operation("GET", "/NewKeys", "List the changes of keys, newest first.", _list, NewKeysMessages),
        Operation(
            "POST",
            "/NewKeys",
            "Let all devices take a change of the keys that they trust.",
            _add,
            NewKeysMessage,
            status=201,
            form=[Parameter("Message", "The signed message, base64", text, required=True)],
        ),
        Operation("GET", "/Signers", "List the keys whose bundles are taken.", _signers, Signers),
        Operation("POST", "/Signers", "Let bundles signed with a key be uploaded.", _trust, Signer, 201, trusting),
        Operation("DELETE", "/Signers/{Id}", "Take no bundles signed with a key any more.", _distrust, None, 204),
    ]


# -- changes of keys ---------------------------------------------------------------------------------------------------


async def _list(call: Call) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, int)
    page = await call.cloud.database.read(lambda c: cut_page(c, store.LISTING, [call.account], cut, size))
    url = f"{call.base_url}{PREFIX[1:]}/NewKeys"
    return answer(paging.listed("new_keys", url, page, size, number, _document))


async def _add(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Message"})
    raw = _decoded(forms.required(fields, "Message", _BASE64_LENGTH))
    cloud, account = call.cloud, call.account
    earlier, trusted = await cloud.database.read(
        lambda c: (store.messages(c, account), list(accounts.trusted(c, account)))
    )
    try:
        message = Message.parse(raw)
        verified = await asyncio.to_thread(check, message, earlier, [*trusted, cloud.signing_key.public])
    except NewKeysNumberError as error:
        raise Problem("conflict", f"The parameter Message is refused: {error.what}") from error
    except (BundleError, NewKeysError) as error:
        raise Problem("bad-parameter", f"The parameter Message is refused: {error.what}") from error
    change, now_us = message.change, cloud.now_us()
    what = _described(message)

    def add(connection: Connection) -> Row:
        try:
            row = store.add(connection, account, raw, change, verified, call.caller.who, now_us)
        except ConflictError as error:
            raise Problem("conflict", f"There is a NewKeys message {change.sequence} by now") from error
        audit.record(connection, account, now_us, call.caller.who, what, f"{account}/new-keys/{change.sequence}")
        return row

    row = await cloud.database.write(add)
    cloud.signals.send(f"account {account}")
    return answer(shown(row), 201)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("bad-parameter", "The parameter Message is not base64") from error


def _described(message: Message) -> str:
    """Return what the audit log says of a message."""
    change = message.change
    parts = [f"add {key.id:016x}" for key in change.add] + [f"revoke {key:016x}" for key in change.delete]
    parts += [f"threshold {change.threshold}"] if change.threshold else []
    return f"new keys: {', '.join(parts)}; signed by {', '.join(f'{key:016x}' for key in message.signers)}"


def shown(row: Row) -> NewKeysMessage:
    """Return a message as the API shows it."""
    raw = bytes(row["message"])
    message = Message.parse(raw)
    verified = row["verified"].split()
    return NewKeysMessage(
        number=row["number"],
        added=[AddedKey(f"{key.id:016x}", key.to_pem().decode()) for key in message.change.add],
        revoked=[f"{key:016x}" for key in message.change.delete],
        threshold=message.change.threshold,
        signers=[KeySignature(f"{key:016x}", f"{key:016x}" in verified) for key in message.signers],
        message=base64.b64encode(raw).decode(),
        created_by=row["created_by"],
        date_created=date(row["created_us"]) or "",
    )


def _document(row: Row) -> dict[str, Any]:
    return msgspec.structs.asdict(shown(row))


# -- whose bundles are taken -------------------------------------------------------------------------------------------


async def _signers(call: Call) -> Response:
    found = await call.cloud.database.read(lambda c: accounts.signers(c, call.account))
    own = call.cloud.signing_key.public
    signers = [Signer(name, f"{key.id:016x}") for name, key in found]
    return answer(Signers(signers, AddedKey(f"{own.id:016x}", own.to_pem().decode())))


async def _trust(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Name", "PublicKey"})
    name = forms.required(fields, "Name", _NAME_LENGTH)
    pem = forms.required(fields, "PublicKey", _PEM_LENGTH)
    try:
        key = PublicKey.from_pem(pem.encode(), origin="the parameter PublicKey")
    except UnicodeEncodeError as error:
        raise Problem("bad-parameter", "The parameter PublicKey is no text") from error

    def trust(connection: Connection) -> None:
        accounts.trust(connection, call.account, {name: key})
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, "trust signer", f"{key.id:016x}")

    await call.cloud.database.write(trust)
    return answer(Signer(name, f"{key.id:016x}"), 201)


async def _distrust(call: Call) -> Response:
    key = call.path("Id").lower()

    def distrust(connection: Connection) -> None:
        if not accounts.distrust(connection, call.account, key):
            raise call.missing()
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, "distrust signer", key)

    await call.cloud.database.write(distrust)
    return Response(status_code=204)
