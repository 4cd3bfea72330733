"""Accounts, their API keys and trusted signers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mvsdk.cloud import identifiers, passwords
from mvsdk.cloud.database import Connection
from mvsdk.cloud.store.pages import Listing
from mvsdk.keys import PublicKey

API_KEYS = Listing("api_keys", "account_sid = ?", "sid")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a request comes from: an account, and the name under which the audit log knows the credentials.

    That is the account's own SID, the SID of an API key, or the name of a user.
    """

    account: str
    who: str


def create(connection: Connection, account: str, token: str, now_us: int) -> bool:
    """Make an account whose auth token is `token`; return whether it is new."""
    rows = connection.execute(
        "INSERT INTO accounts (sid, token, signs_uploads, created_us) VALUES (?, ?, 1, ?) ON CONFLICT (sid) DO NOTHING",
        (account, passwords.digest(token), now_us),
    )
    return rows.rowcount > 0


def signs_uploads(connection: Connection, account: str) -> bool:
    """Return whether unsigned bundles are signed by the cloud's key."""
    row = connection.execute("SELECT signs_uploads FROM accounts WHERE sid = ?", (account,)).fetchone()
    return bool(row and row["signs_uploads"])


def update_policy(connection: Connection, account: str) -> str | None:
    """Return what was said of how the account's devices update themselves (`policies.read`)."""
    row = connection.execute("SELECT update_policy FROM accounts WHERE sid = ?", (account,)).fetchone()
    return row["update_policy"] if row else None


def set_update_policy(connection: Connection, account: str, policy: str | None) -> None:
    """Say how the account's devices update themselves (`PolicyPart.encode`)."""
    connection.execute("UPDATE accounts SET update_policy = ? WHERE sid = ?", (policy, account))


def authenticate(connection: Connection, user: str, password: str) -> Caller | None:
    """Return whose credentials these are: an account SID with its token, or an API key with its secret."""
    if identifiers.is_sid(user, identifiers.ACCOUNT):
        row = connection.execute("SELECT sid, token AS secret FROM accounts WHERE sid = ?", (user,)).fetchone()
    elif identifiers.is_sid(user, identifiers.API_KEY):
        row = connection.execute("SELECT account_sid AS sid, secret FROM api_keys WHERE sid = ?", (user,)).fetchone()
    else:
        row = None
    # A user that does not exist costs the same time as a wrong password.
    right = passwords.matches(password, bytes(row["secret"]) if row else bytes(32))
    return Caller(row["sid"], user) if row and right else None


def add_api_key(connection: Connection, account: str, name: str, now_us: int) -> tuple[str, str]:
    """Make an API key and return its SID and its secret, which nobody will be told again."""
    sid, secret = identifiers.new_sid(identifiers.API_KEY), passwords.new_token()
    connection.execute(
        "INSERT INTO api_keys (sid, account_sid, name, secret, created_us) VALUES (?, ?, ?, ?, ?)",
        (sid, account, name, passwords.digest(secret), now_us),
    )
    return sid, secret


def remove_api_key(connection: Connection, account: str, sid: str) -> bool:
    """Remove an API key; return whether there was one."""
    return connection.execute("DELETE FROM api_keys WHERE account_sid = ? AND sid = ?", (account, sid)).rowcount > 0


def stamp(connection: Connection, caller: Caller) -> str | None:
    """Return a mark of the credentials that a caller has shown, which is another one once they have changed; None once
    they are gone."""
    if caller.who == caller.account:
        sql = "SELECT token AS kept FROM accounts WHERE sid = ? AND sid = ?"
    elif identifiers.is_sid(caller.who, identifiers.API_KEY):
        sql = "SELECT secret AS kept FROM api_keys WHERE account_sid = ? AND sid = ?"
    else:
        sql = "SELECT password AS kept FROM users WHERE account_sid = ? AND name = ?"
    row = connection.execute(sql, (caller.account, caller.who)).fetchone()
    return hashlib.sha256(bytes(row["kept"])).hexdigest() if row else None


def trust(connection: Connection, account: str, signers: Mapping[str, PublicKey]) -> None:
    """Let bundles signed with these keys be uploaded; the names are those shown for them."""
    for name, key in signers.items():
        connection.execute(
            "INSERT INTO signers (account_sid, point, name) VALUES (?, ?, ?)"
            " ON CONFLICT (account_sid, point) DO UPDATE SET name = excluded.name",
            (account, key.point, name),
        )


def signers(connection: Connection, account: str) -> list[tuple[str, PublicKey]]:
    """Return the keys whose bundles the account takes, each with its name."""
    sql = "SELECT name, point FROM signers WHERE account_sid = ? ORDER BY name, point"
    rows = connection.execute(sql, (account,)).fetchall()
    return [(row["name"], PublicKey.from_point(bytes(row["point"]))) for row in rows]


def trusted(connection: Connection, account: str) -> Iterable[PublicKey]:
    """Return the keys whose bundles the account takes."""
    return [key for _, key in signers(connection, account)]


def distrust(connection: Connection, account: str, key_id: str) -> bool:
    """Take no bundles of a key any more (16 hexadecimal digits); return whether they were taken before."""
    found = [key for _, key in signers(connection, account) if f"{key.id:016x}" == key_id]
    for key in found:
        connection.execute("DELETE FROM signers WHERE account_sid = ? AND point = ?", (account, key.point))
    return bool(found)
