"""/v1/Apps: what was uploaded."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from mvsdk.cloud import uploads
from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.deltas import LAYERS
from mvsdk.cloud.http import forms, paging
from mvsdk.cloud.http.calls import Call, answer, resource
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.store import accounts, apps, audit
from mvsdk.cloud.store.pages import cut_page


def routes() -> list[Route]:
    """Return the routes of this resource."""
    return [
        resource("/v1/Apps", GET=_list, POST=_upload),
        resource("/v1/Apps/{Sid}", GET=_fetch, DELETE=_delete),
        resource("/v1/Apps/{AppSid}/Manifest", GET=_manifest),
    ]


async def _list(call: Call) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, int)
    page = await call.cloud.database.read(lambda c: cut_page(c, apps.LISTING, [call.account], cut, size))
    return answer(paging.listed("apps", call.url("Apps"), page, size, number, lambda row: shown(call, row)))


async def _fetch(call: Call) -> Response:
    return answer(shown(call, await _found(call, "Sid")))


async def _manifest(call: Call) -> Response:
    row = await _found(call, "AppSid")
    return answer(
        {
            "app_sid": row["sid"],
            "hash": row["hash"],
            "encoded_bytes": base64.b64encode(bytes(row["manifest"])).decode(),
            "url": call.url("Apps", row["sid"], "Manifest"),
        }
    )


async def _upload(call: Call) -> Response:
    form = await forms.read_upload(call.request, {"UniqueName"})
    name = forms.unique_name(form.fields)
    cloud, account = call.cloud, call.account

    def circumstances(connection: Connection) -> tuple[Any, bool]:
        return accounts.trusted(connection, account), accounts.signs_uploads(connection, account)

    trusted, signs = await cloud.database.read(circumstances)
    upload = await asyncio.to_thread(
        uploads.receive, form.file, name, cloud.board, trusted, cloud.signing_key, signs=signs
    )

    def store(connection: Connection) -> tuple[Row, bool]:
        row, new = apps.add(connection, account, upload.app, cloud.now_us())
        audit.record(connection, account, cloud.now_us(), call.caller.who, "upload app", row["sid"])
        return row, new

    async with cloud.database.exclusively(LAYERS):
        for layer, content in upload.layers.items():
            await asyncio.to_thread(cloud.blobs.put, layer, content)
        try:
            row, new = await cloud.database.write(store)
        except Exception:
            await _forget(cloud, await cloud.database.read(lambda c: apps.unused(c, upload.layers)))
            raise
    return answer(shown(call, row), 201 if new else 200)


async def _delete(call: Call) -> Response:
    row = await _found(call, "Sid")
    cloud = call.cloud

    def remove(connection: Connection) -> list[str]:
        unused = apps.remove(connection, row["sid"])
        audit.record(connection, call.account, cloud.now_us(), call.caller.who, "delete app", row["sid"])
        return unused

    async with cloud.database.exclusively(LAYERS):
        await _forget(cloud, await cloud.database.write(remove))
    return Response(status_code=204)


async def _forget(cloud: Cloud, layers: Iterable[str]) -> None:
    for layer in layers:
        await asyncio.to_thread(cloud.blobs.remove, layer)


async def _found(call: Call, parameter: str) -> Row:
    row = await call.cloud.database.read(lambda c: apps.find(c, call.account, call.path(parameter)))
    if row is None:
        raise call.missing()
    return row


def shown(call: Call, row: Row) -> dict[str, Any]:
    """Return an app as the API shows it (rest-api.md, "Response objects")."""
    url = call.url("Apps", row["sid"])
    return {
        "sid": row["sid"],
        "account_sid": row["account_sid"],
        "hash": row["hash"],
        "unique_name": row["unique_name"],
        "date_created": date(row["created_us"]),
        "date_updated": date(row["updated_us"]),
        "url": url,
        "links": {"app_manifests": f"{url}/Manifest"},
    }
