"""The console's pages of who may do something here, and of the keys that devices trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.console.visits import Visit
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.http import access
from mvsdk.cloud.http.new_keys import shown
from mvsdk.cloud.store import accounts, new_keys, users
from mvsdk.cloud.store.pages import Cut, Listing, cut_page

SHOWN_MOST = 200
"""Rows of one kind on a page; the command line lists all."""


async def show_access(cloud: Cloud, visit: Visit, request: Request) -> tuple[str, Mapping[str, Any]]:
    """Return the template of API keys and users, and what it shows: nothing of them to who may not manage them."""
    owner = visit.caller.who == visit.caller.account
    limits = {"key_name_most": access.KEY_NAME_LENGTH, "password_least": access.PASSWORD_LEAST}

    def look(connection: Connection) -> dict[str, Any]:
        account = visit.caller.account
        found = {
            "keys": _some(connection, accounts.API_KEYS, account),
            "users": _some(connection, users.LISTING, account),
        }
        return {"owner": owner, "most": SHOWN_MOST, **limits, **(found if owner else {})}

    return "access.html", await cloud.database.read(look)


def _some(connection: Connection, listing: Listing, account: str) -> list[Row]:
    return list(cut_page(connection, listing, [account], Cut(), SHOWN_MOST).rows)


async def show_keys(cloud: Cloud, visit: Visit, request: Request) -> tuple[str, Mapping[str, Any]]:
    """Return the template of the keys that devices trust, and what it shows."""
    account, own = visit.caller.account, cloud.signing_key.public

    def look(connection: Connection) -> dict[str, Any]:
        signers = [(f"{key.id:016x}", name) for name, key in accounts.signers(connection, account)]
        rows = _some(connection, new_keys.LISTING, account)
        return {
            "changes": [{**msgspec.structs.asdict(shown(row)), "created_us": row["created_us"]} for row in rows],
            "signers": signers,
            "names": {f"{own.id:016x}": "the cloud's own key", **dict(signers)},
            "own": f"{own.id:016x}",
            "most": SHOWN_MOST,
        }

    return "keys.html", await cloud.database.read(look)
