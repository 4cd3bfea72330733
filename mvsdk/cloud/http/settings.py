"""/v1/Configs, /v1/Secrets, and the same below /v1/Devices/{DeviceSid}: one implementation of four resources.

A secret is written and never read again through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from mvsdk.cloud.database import ConflictError, Connection, Row
from mvsdk.cloud.http import forms, paging
from mvsdk.cloud.http.calls import Call, answer, resource
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import audit, devices, settings
from mvsdk.cloud.store.pages import Listing, cut_page


def routes() -> list[Route]:
    """Return the routes of these resources."""
    kinds = [
        _Settings("Configs", settings.CONFIGS, secret=False),
        _Settings("Secrets", settings.SECRETS, secret=True),
    ]
    return [route for kind in kinds for route in kind.routes()]


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose settings a call is about: `device` is "" for the account, `path` the part of the URL before the kind."""

    device: str
    path: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Settings:
    """Config or secrets."""

    kind: str
    listing: Listing
    secret: bool

    def routes(self) -> list[Route]:
        """Return the routes of the account's and of the devices'. A key may have slashes."""
        return [
            route
            for base in ("/v1", "/v1/Devices/{DeviceSid}")
            for route in (
                resource(f"{base}/{self.kind}", GET=self._list, POST=self._create),
                resource(f"{base}/{self.kind}/{{Key:path}}", GET=self._fetch, POST=self._update, DELETE=self._delete),
            )
        ]

    async def _owner(self, call: Call) -> _Owner:
        if "DeviceSid" not in call.request.path_params:
            return _Owner("", ())
        row = await call.cloud.database.read(lambda c: devices.find(c, call.account, call.path("DeviceSid")))
        if row is None:
            raise call.missing()
        return _Owner(row["sid"], ("Devices", row["sid"]))

    async def _list(self, call: Call) -> Response:
        owner = await self._owner(call)
        cut, size, number = paging.wanted(call.request.query_params, str)
        parameters = [call.account, owner.device]
        page = await call.cloud.database.read(lambda c: cut_page(c, self.listing, parameters, cut, size))
        url = call.url(*owner.path, self.kind)
        name = self.kind.lower()
        return answer(paging.listed(name, url, page, size, number, lambda row: self._shown(call, owner, row)))

    async def _fetch(self, call: Call) -> Response:
        owner = await self._owner(call)
        key = call.path("Key")
        row = await call.cloud.database.read(lambda c: settings.find(c, self.listing, call.account, owner.device, key))
        if row is None:
            raise call.missing()
        return answer(self._shown(call, owner, row))

    async def _create(self, call: Call) -> Response:
        owner = await self._owner(call)
        fields = await forms.read_form(call.request, {"Key", "Value"})
        key = forms.key(fields, settings.KEY_LENGTH)
        value = forms.required(fields, "Value", settings.VALUE_LENGTH)
        row = await call.cloud.database.write(lambda c: self._add(c, call, owner, key, value))
        return answer(self._shown(call, owner, row), 201)

    async def _update(self, call: Call) -> Response:
        owner = await self._owner(call)
        fields = await forms.read_form(call.request, {"Value"})
        value = forms.required(fields, "Value", settings.VALUE_LENGTH)
        row = await call.cloud.database.write(lambda c: self._change(c, call, owner, call.path("Key"), value))
        if row is None:
            raise call.missing()
        return answer(self._shown(call, owner, row))

    async def _delete(self, call: Call) -> Response:
        owner = await self._owner(call)
        key = call.path("Key")

        def remove(connection: Connection) -> bool:
            there = settings.remove(connection, self.listing, call.account, owner.device, key)
            if there:
                self._note(connection, call, "delete", owner, key)
            return there

        if not await call.cloud.database.write(remove):
            raise call.missing()
        return Response(status_code=204)

    def _add(self, connection: Connection, call: Call, owner: _Owner, key: str, value: str) -> Row:
        now_us, place = call.cloud.now_us(), (call.account, owner.device, key)
        try:
            if self.secret:
                settings.add_secret(connection, call.cloud.seal, *place, value, now_us)
            else:
                settings.add_config(connection, *place, value, now_us)
        except ConflictError as error:
            raise Problem("conflict", f"There is a value under this key already: {key}") from error
        self._note(connection, call, "create", owner, key)
        row = settings.find(connection, self.listing, *place)
        assert row is not None  # noqa: S101 - it was added in this transaction
        return row

    def _change(self, connection: Connection, call: Call, owner: _Owner, key: str, value: str) -> Row | None:
        now_us, place = call.cloud.now_us(), (call.account, owner.device, key)
        if self.secret:
            there = settings.change_secret(connection, call.cloud.seal, *place, value, now_us)
        else:
            there = settings.change_config(connection, *place, value, now_us)
        if not there:
            return None
        self._note(connection, call, "update", owner, key)
        return settings.find(connection, self.listing, *place)

    def _note(self, connection: Connection, call: Call, what: str, owner: _Owner, key: str) -> None:
        kind = self.kind.removesuffix("s").lower()
        subject = f"{owner.device or call.account}/{key}"
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, f"{what} {kind}", subject)

    def _shown(self, call: Call, owner: _Owner, row: Row) -> dict[str, Any]:
        """Return an entry as the API shows it (rest-api.md, "Response objects")."""
        document: dict[str, Any] = {"device_sid": owner.device} if owner.device else {}
        document["key"] = row["key"]
        if self.secret:
            document["date_rotated"] = date(row["updated_us"])
        else:
            document["value"] = row["value"]
            document["date_updated"] = date(row["updated_us"])
        return document | {"url": call.url(*owner.path, self.kind, quote(row["key"], safe="/"))}
