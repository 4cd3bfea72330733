"""Passphrases typed on a terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mvsdk.keys import FileKeyStore
from tests.cli.bundling import MVSDK

SECRET = "secret word"  # noqa: S105 - of keys that live for one test


def typed(home: Path, arguments: Sequence[str | Path], answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run mvsdk on a terminal of its own, answer each prompt as it appears, and return status and screen."""
    command = ["script", "--quiet", "--return", "--command", shlex.join(map(str, [MVSDK, *arguments])), "/dev/null"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MVSDK_")}
    screen = b""
    with subprocess.Popen(
        command,
        env={**environment, "MVSDK_HOME": str(home), "SHELL": "/bin/sh"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdin
        assert process.stdout
        for prompt, answer in answers:
            before = len(screen)
            while prompt.encode() not in screen[before:]:
                piece = os.read(process.stdout.fileno(), 4096)
                assert piece, screen
                screen += piece
            process.stdin.write(answer.encode() + b"\n")
            process.stdin.flush()
        screen += process.stdout.read()
    return process.returncode, screen.decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home that is not there yet."""
    return tmp_path / "home"


def test_a_new_passphrase_is_asked_twice_and_never_shown(home: Path) -> None:
    """`keys new --passphrase` asks, asks again, and locks the key; the screen shows nothing of it."""
    answers = [("Passphrase:", SECRET), ("Repeat", SECRET)]
    status, screen = typed(home, ["keys", "new", "release", "--passphrase"], answers)
    assert status == 0
    assert "secret" not in screen
    store = FileKeyStore(home / "keys")
    assert store.signer("release", SECRET.encode()).public == store.public("release")


def test_a_locked_key_is_asked_for(home: Path, tmp_path: Path) -> None:
    """Signing with a locked key asks for its passphrase, once; a wrong one is an error in two lines."""
    FileKeyStore(home / "keys").create("release", SECRET.encode())
    (tmp_path / "rom.bin").write_bytes(b"rom")
    arguments = ["bundle", str(tmp_path / "rom.bin"), "--key", "release"]
    prompt = "Passphrase of the key 'release':"
    status, screen = typed(home, arguments, [(prompt, SECRET)])
    assert (status, "signed by release" in screen) == (0, True)
    status, screen = typed(home, arguments, [(prompt, "secret guess")])
    assert (status, "does not unlock" in screen) == (1, True)
    assert "secret" not in screen
