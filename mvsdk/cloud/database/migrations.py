"""Bringing a database to the tables of this version: the numbered files in `migrations/`, each in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from mvsdk.cloud.database import Connection
from mvsdk.cloud.errors import DatabaseError


def migrate(connection: Connection, words: dict[str, str]) -> None:
    """Apply what is missing, inside the caller's transaction. `words` gives the engine's words for "{blob}" and such.

    Raises DatabaseError for a database that a later version has written.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
    row = connection.execute("SELECT max(version) AS version FROM schema_version").fetchone()
    present = (row["version"] if row else None) or 0
    known = dict(_scripts())
    if present > max(known):
        raise DatabaseError(
            f"the database has tables of version {present}, this mvsdk knows {max(known)}",
            "use the mvsdk that wrote it, or restore a backup from before the upgrade",
        )
    for version, script in known.items():
        if version > present:
            for statement in statements(script, words):
                connection.execute(statement)
            connection.execute("INSERT INTO schema_version (version) VALUES (?)", (version,))


def _scripts() -> Iterator[tuple[int, str]]:
    folder = files(__package__).joinpath("migrations")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            yield int(entry.name.partition("_")[0]), entry.read_text(encoding="utf-8")


def statements(script: str, words: dict[str, str]) -> Iterator[str]:
    """Yield the statements of a script in an engine's words."""
    for placeholder, word in words.items():
        script = script.replace("{" + placeholder + "}", word)
    code = "\n".join(line.partition("--")[0] for line in script.splitlines())
    yield from (statement.strip() for statement in code.split(";") if statement.strip())
