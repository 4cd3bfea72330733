"""The store: a folder of PEM files."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mvsdk.keys import (
    FileKeyStore,
    KeyExistsError,
    KeyFileError,
    KeyFormatError,
    KeyKindError,
    KeyNameError,
    KeyPermissionsError,
    KeyStore,
    PassphraseError,
    PassphraseMissingError,
    PublicKey,
    SigningKey,
    UnknownKeyError,
    read_public_key,
)
from tests.keys.samples import key_of


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    """Return a store in a folder that does not exist yet."""
    return FileKeyStore(tmp_path / "home" / "keys")


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_key_is_there_to_sign(store: FileKeyStore) -> None:
    """A created key is listed, trusted, and signs as itself when it is opened again."""
    made = store.create("release")
    protocol: KeyStore = store
    assert protocol.names() == ("release",)
    assert protocol.trusted() == (made.public,)
    assert protocol.public("release") == made.public
    assert protocol.signer("release").sign(b"x") == made.sign(b"x")


def test_a_store_that_is_not_there_is_empty(store: FileKeyStore) -> None:
    """Looking into a store makes nothing."""
    assert store.names() == ()
    assert store.trusted() == ()
    assert not store.directory.exists()


def test_private_files_are_private(store: FileKeyStore) -> None:
    """A key pair is mode 0600 in a folder of mode 0700, and nothing else is left there."""
    store.create("release")
    assert mode(store.directory) == 0o700
    assert [path.name for path in store.directory.iterdir()] == ["release.pem"]
    assert mode(store.directory / "release.pem") == 0o600


def test_openssl_reads_a_key_of_the_store(store: FileKeyStore) -> None:
    """The file of a key pair is PEM that openssl reads as this key."""
    made = store.create("release")
    command = ["openssl", "pkey", "-in", str(store.directory / "release.pem"), "-pubout"]
    public = subprocess.run(command, check=True, capture_output=True).stdout
    assert PublicKey.from_pem(public) == made.public


def test_a_locked_key_is_trusted_without_its_passphrase(store: FileKeyStore) -> None:
    """The public half of a locked key is known without the passphrase; signing needs it."""
    made = store.create("release", b"secret word")
    (entry,) = store.entries()
    assert (entry.encrypted, entry.private, entry.public) == (True, True, made.public)
    assert store.signer("release", b"secret word").public == made.public
    with pytest.raises(PassphraseMissingError, match=r"release\.pem"):
        store.signer("release")
    with pytest.raises(PassphraseError, match=r"release\.pem"):
        store.signer("release", b"other word")


def test_keys_are_never_overwritten(store: FileKeyStore) -> None:
    """A taken name is refused for own and foreign keys alike, and the first key stays."""
    first = store.create("release")
    with pytest.raises(KeyExistsError, match="'release'"):
        store.create("release")
    with pytest.raises(KeyExistsError, match="'release'"):
        store.trust("release", key_of(1).public)
    assert store.public("release") == first.public


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", "-a", ".a", "a b", "a" * 65, "ä", "a\n", "a.pem", "a.pub"]
)
def test_names_are_plain_words(store: FileKeyStore, name: str) -> None:
    """A name that could leave the folder, hide in it, or look like an option or a file is refused."""
    with pytest.raises(KeyNameError):
        store.create(name)
    assert not store.directory.exists()


def test_an_unknown_key_is_refused_with_the_known_ones(store: FileKeyStore) -> None:
    """Asking for a key that is not there names those that are."""
    store.create("release")
    with pytest.raises(UnknownKeyError, match="'relaese'") as caught:
        store.signer("relaese")
    assert "release" in caught.value.remedy


def test_a_foreign_key_is_trusted_but_cannot_sign(store: FileKeyStore) -> None:
    """A trusted public key counts for verification and is refused for signing."""
    store.trust("colleague", key_of(1).public)
    assert store.trusted() == (key_of(1).public,)
    with pytest.raises(KeyKindError, match="'colleague' only the public half"):
        store.signer("colleague")


def test_the_development_key_is_made_once(store: FileKeyStore) -> None:
    """The development key is made on first use and is the same from then on."""
    assert store.development_key().public == store.development_key().public
    assert store.names() == ("development",)


def test_a_development_key_made_by_hand_is_taken(store: FileKeyStore) -> None:
    """A locked development key is opened like any other."""
    made = store.create("development", b"secret word")
    assert store.development_key(b"secret word").public == made.public
    with pytest.raises(PassphraseMissingError):
        store.development_key()


def test_processes_that_make_the_development_key_at_once_get_one(store: FileKeyStore) -> None:
    """However many processes ask for the development key at the same time, all end with the same one."""
    program = (
        "import sys; from pathlib import Path; from mvsdk.keys import FileKeyStore, SigningKey; SigningKey.generate();"
        "sys.stdin.readline(); print(FileKeyStore(Path(sys.argv[1])).development_key().public.id)"
    )
    command = [sys.executable, "-c", program, str(store.directory)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = {process.communicate()[0] for process in processes}
    assert ids == {f"{store.public('development').id}\n"}
    assert [path.name for path in store.directory.iterdir()] == ["development.pem"]


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o601])
def test_a_private_key_others_can_open_is_refused(store: FileKeyStore, bits: int) -> None:
    """A private key file with any permission for group or others is refused, with the command that mends it."""
    store.create("release")
    path = store.directory / "release.pem"
    path.chmod(bits)
    for attempt in (lambda: store.signer("release"), store.trusted):
        with pytest.raises(KeyPermissionsError, match=f"mode {bits:04o}") as caught:
            attempt()
        assert caught.value.remedy == f"run: chmod 600 {path}"


def test_a_store_others_can_write_to_is_refused(store: FileKeyStore) -> None:
    """A folder or a trusted key that others can change decides nothing."""
    store.trust("colleague", key_of(1).public)
    file = store.directory / "colleague.pub"
    file.chmod(0o666)
    with pytest.raises(KeyPermissionsError, match="changed by other users"):
        store.trusted()
    file.chmod(0o644)
    store.directory.chmod(0o770)
    with pytest.raises(KeyPermissionsError, match="changed by other users"):
        store.trusted()


def test_a_damaged_file_is_named(store: FileKeyStore) -> None:
    """A file of the store that is no key is an error with its path."""
    store.create("release")
    path = store.directory / "release.pem"
    path.write_text("not a key")
    with pytest.raises(KeyFormatError, match=r"release\.pem holds no PEM key"):
        store.trusted()


def test_halves_of_two_pairs_are_refused(store: FileKeyStore) -> None:
    """A file whose public block belongs to another private key does not sign."""
    store.create("release")
    path = store.directory / "release.pem"
    path.write_bytes(SigningKey.generate().to_pem() + key_of(1).public.to_pem())
    with pytest.raises(KeyFormatError, match="belongs to another private key"):
        store.signer("release")


def test_a_bare_key_dropped_into_the_store_is_taken(store: FileKeyStore) -> None:
    """A private key without its public half is as good, unless it is locked; then the error tells how to add it."""
    store.create("release")
    path = store.directory / "release.pem"
    path.write_bytes(key_of(1).to_pem())
    assert store.trusted() == (key_of(1).public,)
    path.write_bytes(key_of(1).to_pem(b"secret word"))
    with pytest.raises(KeyFormatError, match="locked") as caught:
        store.trusted()
    assert "openssl pkey" in caught.value.remedy


def test_what_the_system_refuses_is_said(tmp_path: Path) -> None:
    """Files in the place of folders, folders in the place of files, and links in circles are errors with the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="file"):
        FileKeyStore(tmp_path / "file" / "keys").create("release")
    with pytest.raises(KeyFileError, match="file"):
        FileKeyStore(tmp_path / "file").names()
    with pytest.raises(KeyFileError, match=r"cannot read .*missing\.pem: No such file"):
        read_public_key(tmp_path / "missing.pem")
    with pytest.raises(KeyFileError, match="cannot read"):
        read_public_key(tmp_path)
    (tmp_path / "loop.pem").symlink_to("loop.pem")
    with pytest.raises(KeyFileError, match=r"loop\.pem"):
        read_public_key(tmp_path / "loop.pem")


def test_a_file_too_large_for_a_key_is_not_read(tmp_path: Path) -> None:
    """A large file given as a key is refused for its size."""
    path = tmp_path / "film.pem"
    path.write_bytes(bytes(70_000))
    with pytest.raises(KeyFileError, match="too large"):
        read_public_key(path)
