"""`mvsdk keys`, as it is typed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mvsdk.keys import FileKeyStore, PublicKey
from tests.cli.bundling import Shell, passphrase
from tests.keys.samples import key_of

GOLDEN_ID = "0ed2cad46ded7d8c"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return an empty folder and an empty store."""
    directory = tmp_path / "work"
    directory.mkdir()
    return Shell(directory, tmp_path / "home")


def store(shell: Shell) -> FileKeyStore:
    """Return the store the command works with."""
    return FileKeyStore(shell.home / "keys")


def test_a_key_is_made_and_listed(shell: Shell) -> None:
    """`new` makes a private file, and `list` shows it with its id."""
    line = shell.line("keys", "new", "release")
    path = shell.home / "keys" / "release.pem"
    key_id = f"{store(shell).public('release').id:016x}"
    assert line == f"release: {key_id} in {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listed = shell.run("keys", "list")
    assert listed.stdout.splitlines()[1].split() == ["release", key_id, "own"]


def test_an_empty_store_says_what_to_do(shell: Shell) -> None:
    """`list` without keys tells how to make one, and makes none."""
    assert shell.line("keys", "list") == f"No keys in {shell.home}/keys yet; `mvsdk keys new NAME` makes one."
    assert shell.json("keys", "list") == []
    assert not shell.home.exists()


def test_a_key_is_locked_on_request(shell: Shell) -> None:
    """`new --passphrase` locks the key with MVSDK_KEY_PASSPHRASE, and fails where there is nobody to ask."""
    shell.line("keys", "new", "release", "--passphrase", **passphrase("secret word"))
    assert shell.json("keys", "show", "release")["locked"] is True
    assert store(shell).signer("release", b"secret word").public == store(shell).public("release")
    assert shell.run("keys", "new", "other", "--passphrase").returncode != 0
    assert store(shell).names() == ("release",)


def test_foreign_keys_are_trusted_by_name(shell: Shell) -> None:
    """`trust` takes a public key under a name or the file's own, once."""
    (shell.directory / "colleague.pub.pem").write_bytes(key_of(1).public.to_pem())
    assert shell.line("keys", "trust", "colleague.pub.pem") == f"colleague: {GOLDEN_ID} is trusted"
    assert shell.line("keys", "trust", "colleague.pub.pem", "--name", "again") == f"colleague: {GOLDEN_ID} is trusted"
    assert store(shell).trusted() == (key_of(1).public,)
    (shell.directory / "other.pem").write_bytes(key_of(2).public.to_pem())
    assert "there is a key 'colleague'" in shell.error("keys", "trust", "other.pem", "--name", "colleague")
    (shell.directory / "private.pem").write_bytes(key_of(3).to_pem())
    assert "a private key where a public key is needed" in shell.error("keys", "trust", "private.pem")


def test_show_tells_all_but_the_secret(shell: Shell) -> None:
    """`show` prints name, id in both forms, kind, point and file, and nothing of the private half."""
    store(shell).trust("colleague", key_of(1).public)
    shown = shell.run("keys", "show", "colleague").stdout
    for words in (GOLDEN_ID, "1068139075366387084", "trusted", key_of(1).public.point.hex(), "colleague.pub"):
        assert words in shown
    shell.line("keys", "new", "release")
    assert "PRIVATE" not in shell.run("keys", "show", "release").stdout
    assert shell.json("keys", "show", "colleague") == {
        "name": "colleague",
        "id": GOLDEN_ID,
        "private": False,
        "locked": False,
        "point": key_of(1).public.point.hex(),
        "file": str(shell.home / "keys" / "colleague.pub"),
    }
    assert "there is no key 'nobody'" in shell.error("keys", "show", "nobody")


def test_the_public_half_goes_out(shell: Shell) -> None:
    """`export-public` prints the public half as PEM, or writes it to a file, without a word."""
    shell.line("keys", "new", "release")
    public = store(shell).public("release")
    assert PublicKey.from_pem(shell.run("keys", "export-public", "release").stdout.encode()) == public
    done = shell.run("keys", "export-public", "release", "-o", "release.pub.pem")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert PublicKey.from_pem((shell.directory / "release.pub.pem").read_bytes()) == public
    assert shell.json("keys", "export-public", "release")["pem"].encode() == public.to_pem()


@pytest.mark.parametrize("name", ["../evil", "a b", "x.pem"])
def test_bad_names_are_refused(shell: Shell, name: str) -> None:
    """A name that cannot be a key's is refused, and nothing is made."""
    assert f"'{name}' cannot be a key's name" in shell.error("keys", "new", name)
    assert not shell.home.exists()


def test_keys_are_never_overwritten(shell: Shell) -> None:
    """A second key of the same name is refused, and the first stays."""
    shell.line("keys", "new", "release")
    before = store(shell).public("release")
    assert "there is a key 'release'" in shell.error("keys", "new", "release")
    assert store(shell).public("release") == before
