"""Laws of the two who have config and secrets: a file, and the cloud by a session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mvsdk import link
from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.config_file import ConfigFile
from mvsdk.emulator.network.config_session import ConfigSession
from mvsdk.emulator.network.exchanges import Answer, Close, ConfigAnswer, ConfigItem, ConfigRequest
from mvsdk.emulator.network.peers import Peers
from mvsdk.link.session import ConfigAnswered, Disconnected

ITEMS = (
    ConfigItem("account", "config", "interval"),
    ConfigItem("device", "config", "interval"),
    ConfigItem("device", "secret", "api-key"),
    ConfigItem("account", "secret", "api-key"),
)
VALUES = """
[account.config]
interval = "60"
[account.secret]
[device]
config = {interval = "ten \\u00e4"}
secret.api-key = "sesame"
"""


def answers(peers: Peers, *items: ConfigItem, room: int = 512) -> list[Answer]:
    """Return what peers answer at once."""
    found: list[Answer] = []
    peers.send(ConfigRequest(7, items, room), found.append)
    peers.send(Close(7), found.append)
    peers.close()
    return found


def file_of(folder: Path, text: str | bytes) -> Path:
    """Write a file of values."""
    path = folder / "values.toml"
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def test_a_file_answers_by_scope_store_and_key(tmp_path: Path) -> None:
    """What is in the file is found in its own table only, as UTF-8; the rest is not found."""
    peers = ConfigFile(file_of(tmp_path, VALUES))
    items = (("OK", b"60"), ("OK", "ten ä".encode()), ("OK", b"sesame"), ("KEYNOTFOUND", b""))
    assert answers(peers, *ITEMS) == [ConfigAnswer(7, "OK", items)]  # type: ignore[arg-type]


def test_values_together_must_fit(tmp_path: Path) -> None:
    """What takes more than there is room for is RESPONSETOOLARGE, without values."""
    peers = ConfigFile(file_of(tmp_path, f'[device.config]\na = "{"x" * 504}"\nb = "{"x" * 505}"'))
    fits, too_large = (answers(peers, ConfigItem("device", "config", key)) for key in "ab")
    assert [answer.result for answer in fits if isinstance(answer, ConfigAnswer)] == ["OK"]
    assert too_large == [ConfigAnswer(7, "RESPONSETOOLARGE")]


WRONG = {
    "[account.konfig]": "account.'konfig'",
    "[nobody.config]": "'nobody'",
    'account = "sesame"': "'account'",
    'device.secret = "sesame"': "device.'secret'",
    '[device.secret]\nkey = ["sesame"]': r"\[device.secret\]: the value of key is no text",
    '[device.secret]\nkey.inner = "sesame"': r"\[device.secret\]: the value of key",
    f'[device.secret]\nkey = "{"sesame" * 1000}"': r"\[device.secret\]: the value of key has 6000 characters",
    f'[device.secret]\n{"sesame" * 20} = "x"': r"\[device.secret\]: a name of 120 characters",
    '[device.secret]\n"k\\u00e4y" = "sesame"': r"\[device.secret\]: 'käy' is no key",
    '[device.secret]\n"" = "sesame"': r"\[device.secret\]: '' is no key",
    '[device.secret]\nkey = "sesame\n"': "not TOML.*line 2",
    '[device.secret]\nkey = sesame': "not TOML.*line 2",
}  # fmt: skip


@pytest.mark.parametrize(("text", "named"), WRONG.items(), ids=map(str, range(len(WRONG))))
def test_what_is_wrong_is_named_without_its_value(tmp_path: Path, text: str, named: str) -> None:
    """The error has the file, the table and the key; never what may be a secret."""
    with pytest.raises(NetworkSettingError, match=named) as caught:
        ConfigFile(file_of(tmp_path, text))
    assert "values.toml" in str(caught.value)
    assert "sesame" not in f"{caught.value}{caught.value.remedy}"


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """One that is missing, and one that is no text."""
    with pytest.raises(NetworkSettingError, match=r"missing\.toml: No such file"):
        ConfigFile(tmp_path / "missing.toml")
    with pytest.raises(NetworkSettingError, match="not UTF-8"):
        ConfigFile(file_of(tmp_path, b'[device.config]\na = "\xff"'))


def found(value: str) -> link.ConfigResult:
    """Return what the cloud says of an item that it has."""
    return link.ConfigResult(result="found", value=value)


def says(items: list[link.ConfigResult]) -> link.ConfigAnswer:
    """Return what the cloud says to a fetch."""
    return link.ConfigAnswer(id=1, items=items)


def session_answers(fetched: link.ConfigAnswer | Disconnected, *items: ConfigItem, room: int = 512) -> list[Answer]:
    """Return what comes of a fetch when the cloud says so, or when there is no session."""

    def fetch(asked: Sequence[link.ConfigItem], answered: ConfigAnswered) -> None:
        assert [(item.scope, item.kind, item.key) for item in asked] == [
            (item.scope, item.store, item.key) for item in items
        ]
        answered(fetched)

    return answers(ConfigSession(fetch), *items, room=room)


def test_the_clouds_results_are_the_applications() -> None:
    """Found, not found, and a value that the cloud cannot decrypt: each item has its own result."""
    missing, damaged = link.ConfigResult(result="not-found"), link.ConfigResult(result="decryption-failed")
    fetched = says([found("ä"), missing, damaged, found("")])
    items = (("OK", "ä".encode()), ("KEYNOTFOUND", b""), ("SERVERERROR", b""), ("OK", b""))
    assert session_answers(fetched, *ITEMS) == [ConfigAnswer(7, "OK", items)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fetched",
    [Disconnected("cut", final=False), link.ConfigAnswer(id=1, result="failed", items=[]), says([found("x")] * 3)],
)
def test_without_the_cloud_every_item_is_the_servers_error(fetched: link.ConfigAnswer | Disconnected) -> None:
    """No session, a cloud that cannot read, an answer to something else: no item has a value."""
    assert session_answers(fetched, *ITEMS) == [ConfigAnswer(7, "OK", (("SERVERERROR", b""),) * 4)]


def test_what_the_cloud_or_the_device_cannot_carry_is_too_large() -> None:
    """Either bound gives the same result."""
    too_large = [ConfigAnswer(7, "RESPONSETOOLARGE")]
    assert session_answers(link.ConfigAnswer(id=1, result="too-large", items=[]), *ITEMS) == too_large
    assert session_answers(says([found("x" * 505)]), ITEMS[0]) == too_large
