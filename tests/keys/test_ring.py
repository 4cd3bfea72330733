"""The keys of one person: store, environment and files together."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvsdk.keys import (
    KeyFileError,
    KeyFormatError,
    KeyKindError,
    KeyPermissionsError,
    Keyring,
    PassphraseError,
    PassphraseMissingError,
    UnknownKeyError,
    home_directory,
)
from tests.keys.samples import key_of

PEM = key_of(7).to_pem().decode()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of its own."""
    return {"MVSDK_HOME": str(tmp_path / "home")}


def test_where_home_is() -> None:
    """MVSDK_HOME comes first, then an absolute XDG_CONFIG_HOME, then ~/.config."""
    everything = {"MVSDK_HOME": "/m", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}
    assert home_directory(everything) == Path("/m")
    assert home_directory(everything | {"MVSDK_HOME": ""}) == Path("/x/mvsdk")
    assert home_directory({"XDG_CONFIG_HOME": "x", "HOME": "/h"}) == Path("/h/.config/mvsdk")
    assert home_directory({"HOME": "/h"}) == Path("/h/.config/mvsdk")
    with pytest.raises(KeyFileError) as caught:
        home_directory({})
    assert "MVSDK_HOME" in caught.value.remedy


def test_without_a_choice_the_development_key_signs(home: dict[str, str]) -> None:
    """Nobody chose a key: it is the development key, and it is trusted afterwards."""
    name, key = Keyring(home).signer()
    assert name == "development"
    assert Keyring(home).trusted() == {"development": key.public}


def test_the_key_in_the_environment_signs_and_is_trusted(home: dict[str, str]) -> None:
    """MVSDK_SIGNING_KEY comes before the development key, which is not made then."""
    ring = Keyring(home | {"MVSDK_SIGNING_KEY": PEM})
    name, key = ring.signer()
    assert (name, key.public) == ("MVSDK_SIGNING_KEY", key_of(7).public)
    assert ring.trusted() == {"MVSDK_SIGNING_KEY": key.public}
    assert not ring.store.directory.exists()


def test_a_chosen_key_comes_before_the_environment(home: dict[str, str]) -> None:
    """--key NAME wins over MVSDK_SIGNING_KEY."""
    ring = Keyring(home | {"MVSDK_SIGNING_KEY": PEM})
    made = ring.store.create("release")
    assert ring.signer("release")[1].public == made.public


def test_a_key_file_signs(home: dict[str, str], tmp_path: Path) -> None:
    """--key FILE takes any private PEM file, if nobody else can open it."""
    path = tmp_path / "ci.pem"
    path.write_text(PEM)
    path.chmod(0o600)
    assert Keyring(home).signer(str(path))[1].public == key_of(7).public
    path.chmod(0o644)
    with pytest.raises(KeyPermissionsError, match=r"ci\.pem is open to other users"):
        Keyring(home).signer(str(path))


def test_what_holds_no_secret_is_judged_by_what_it_holds(tmp_path: Path) -> None:
    """A public key, or an empty file, given to sign with is named as that, whoever may read it."""
    public = tmp_path / "ci.pub"
    public.write_bytes(key_of(1).public.to_pem())
    public.chmod(0o644)
    with pytest.raises(KeyKindError, match="a public key where a private key is needed"):
        Keyring({"MVSDK_HOME": str(tmp_path)}).signer(str(public))
    public.write_bytes(b"")
    with pytest.raises(KeyFormatError):
        Keyring({"MVSDK_HOME": str(tmp_path)}).signer(str(public))


def test_a_key_that_is_nowhere_is_named(home: dict[str, str]) -> None:
    """A choice that is neither a name nor a file says so in the words that fit it."""
    ring = Keyring(home)
    ring.store.create("release")
    with pytest.raises(UnknownKeyError, match="'relaese'") as caught:
        ring.signer("relaese")
    assert "release" in caught.value.remedy
    with pytest.raises(KeyFileError, match="no key file keys/x"):
        ring.signer("keys/x")
    with pytest.raises(KeyFileError, match=r"no key file x\.pem"):
        ring.signer("x.pem")


def test_passphrases_come_from_the_environment_or_a_person(home: dict[str, str]) -> None:
    """A locked key is opened with MVSDK_KEY_PASSPHRASE, else with what a person answers, else not."""
    made = Keyring(home).store.create("release", b"secret word")
    asked: list[str] = []

    def ask(name: str) -> bytes:
        asked.append(name)
        return b"secret word"

    variable = home | {"MVSDK_KEY_PASSPHRASE": "secret word"}
    assert Keyring(variable, ask).signer("release")[1].public == made.public
    assert asked == []
    assert Keyring(home, ask).signer("release")[1].public == made.public
    assert asked == ["release"]
    with pytest.raises(PassphraseMissingError):
        Keyring(home).signer("release")
    with pytest.raises(PassphraseError):
        Keyring(home | {"MVSDK_KEY_PASSPHRASE": "wrong"}).signer("release")


def test_a_locked_key_in_the_environment_is_unlocked(home: dict[str, str]) -> None:
    """MVSDK_SIGNING_KEY may be locked; MVSDK_KEY_PASSPHRASE opens it."""
    locked = key_of(7).to_pem(b"secret word").decode()
    ring = Keyring(home | {"MVSDK_SIGNING_KEY": locked, "MVSDK_KEY_PASSPHRASE": "secret word"})
    assert ring.signer()[1].public == key_of(7).public


def test_public_keys_named_on_the_command_line_are_trusted(home: dict[str, str], tmp_path: Path) -> None:
    """--trust FILE adds a public key under its path; a private key is refused there."""
    path = tmp_path / "colleague.pem"
    path.write_bytes(key_of(1).public.to_pem())
    assert Keyring(home).trusted([path]) == {str(path): key_of(1).public}
    path.write_text(PEM)
    with pytest.raises(KeyKindError, match="a private key where a public key is needed"):
        Keyring(home).trusted([path])


def test_bytes_in_the_environment_need_not_be_utf_8(home: dict[str, str]) -> None:
    """A passphrase of arbitrary bytes, as Python shows it, is used as those bytes."""
    secret = b"\xff\xfe word"
    made = Keyring(home).store.create("release", secret)
    ring = Keyring(home | {"MVSDK_KEY_PASSPHRASE": secret.decode("utf-8", "surrogateescape")})
    assert ring.signer("release")[1].public == made.public


def test_no_secret_is_in_the_repr_of_a_ring(home: dict[str, str]) -> None:
    """A ring that holds a key and a passphrase in its environment shows neither."""
    ring = Keyring(home | {"MVSDK_SIGNING_KEY": PEM, "MVSDK_KEY_PASSPHRASE": "secret word"})
    assert "secret" not in repr(ring)
    assert "PRIVATE" not in repr(ring)
