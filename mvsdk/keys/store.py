"""Key stores: where keys live under names.

A `FileKeyStore` is a folder. `NAME.pem` (mode 0600) is a key pair: the private key as PKCS#8, followed by its public
key, so that a locked key can be trusted and listed without its passphrase. `NAME.pub` is the public key of somebody
else.
Every key in the folder is trusted; that is why others must not be able to write there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mvsdk.keys import files, pem
from mvsdk.keys.errors import KeyExistsError, KeyFormatError, KeyKindError, KeyNameError, UnknownKeyError
from mvsdk.keys.p256 import PublicKey, Signer, SigningKey

DEVELOPMENT = "development"
"""The name of the key that signs when nobody chose one."""

_PAIR, _PUBLIC = ".pem", ".pub"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeyStore(Protocol):
    """Where keys live."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all keys, own and foreign, sorted."""

    def public(self, name: str) -> PublicKey:
        """Return the public half of a key. Raises UnknownKeyError."""

    def signer(self, name: str, passphrase: bytes | None = None) -> Signer:
        """Return the key that signs. Raises UnknownKeyError, PassphraseMissingError, PassphraseError."""

    def trusted(self) -> tuple[PublicKey, ...]:
        """Return every key whose signature is to be believed."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What the store tells of a key without opening it. `private` is false for the public key of somebody else."""

    name: str
    path: Path
    public: PublicKey
    private: bool
    encrypted: bool


class FileKeyStore:
    """Keys as PEM files in one folder, which need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self) -> tuple[str, ...]:
        """Return the names of all keys, own and foreign, sorted. Files that are not named like a key are ignored."""
        return tuple(sorted(self._paths()))

    def entries(self) -> tuple[StoredKey, ...]:
        """Describe all keys, by name."""
        return tuple(self._entry(name, path) for name, path in sorted(self._paths().items()))

    def entry(self, name: str) -> StoredKey:
        """Describe one key. Raises UnknownKeyError."""
        return self._entry(name, self._path(name))

    def public(self, name: str) -> PublicKey:
        """Return the public half of a key. Raises UnknownKeyError."""
        return self.entry(name).public

    def trusted(self) -> tuple[PublicKey, ...]:
        """Return the public half of every key in the store."""
        return tuple(entry.public for entry in self.entries())

    def signer(self, name: str, passphrase: bytes | None = None) -> SigningKey:
        """Open a key of our own. Raises UnknownKeyError, KeyKindError for a foreign one, and what the file deserves."""
        path = self._path(name)
        if path.suffix == _PUBLIC:
            own = ", ".join(sorted(other for other, its in self._paths().items() if its.suffix == _PAIR))
            raise KeyKindError(
                f"of '{name}' only the public half is in {self.directory}; it cannot sign",
                f"choose a key of your own: {own}" if own else "make a key of your own: mvsdk keys new NAME",
            )
        return open_key_file(path, passphrase)

    def check_free(self, name: str) -> None:
        """Raise KeyNameError when `name` cannot be a key's, KeyExistsError when it is taken."""
        if not _NAME.fullmatch(name) or name.endswith((_PAIR, _PUBLIC)):
            rule = (
                "use letters, digits, '.', '-' and '_', at most 64, a letter or digit first, no .pem or .pub at the end"
            )
            raise KeyNameError(f"'{name}' cannot be a key's name", rule)
        if name in self._paths():
            raise self._taken(name)

    def create(self, name: str, passphrase: bytes | None = None) -> SigningKey:
        """Make a key of our own under a free name. Raises KeyNameError, KeyExistsError."""
        self.check_free(name)
        key = SigningKey.generate()
        self._add(name, _PAIR, key.to_pem(passphrase) + key.public.to_pem(), 0o600)
        return key

    def trust(self, name: str, key: PublicKey) -> None:
        """Add the public key of somebody else under a free name. Raises KeyNameError, KeyExistsError."""
        self.check_free(name)
        self._add(name, _PUBLIC, key.to_pem(), 0o644)

    def development_key(self, passphrase: bytes | None = None) -> SigningKey:
        """Return the key named "development", made on first use; processes that make it at once get the same one."""
        if DEVELOPMENT not in self._paths():
            try:
                return self.create(DEVELOPMENT)
            except KeyExistsError:
                pass  # another process was faster; its key is the one
        return self.signer(DEVELOPMENT, passphrase)

    def _paths(self) -> dict[str, Path]:
        found = files.listing(self.directory)
        # Sorted, ".pem" comes before ".pub", so the pair wins should both exist.
        paths: dict[str, Path] = {}
        for path in found:
            if path.suffix in (_PAIR, _PUBLIC) and _NAME.fullmatch(path.stem):
                paths.setdefault(path.stem, path)
        return paths

    def _path(self, name: str) -> Path:
        paths = self._paths()
        if name in paths:
            return paths[name]
        known = f"known keys: {', '.join(paths)}" if paths else "there is none yet"
        raise UnknownKeyError(
            f"there is no key '{name}' in {self.directory}", f"{known}; make one: mvsdk keys new NAME"
        )

    def _entry(self, name: str, path: Path) -> StoredKey:
        if path.suffix == _PUBLIC:
            public = PublicKey.from_pem(files.read_trusted(path), origin=str(path))
            return StoredKey(name, path, public, private=False, encrypted=False)
        text = files.read_private(path)
        encrypted = pem.private_block(text, str(path)).encrypted
        return StoredKey(name, path, _public_half(text, encrypted, path), private=True, encrypted=encrypted)

    def _taken(self, name: str) -> KeyExistsError:
        remedy = "choose another name; keys are never overwritten"
        return KeyExistsError(f"there is a key '{name}' in {self.directory} already", remedy)

    def _add(self, name: str, suffix: str, text: bytes, mode: int) -> None:
        try:
            files.create(self.directory / f"{name}{suffix}", text, mode)
        except FileExistsError as error:
            raise self._taken(name) from error


def open_key_file(path: Path, passphrase: bytes | None = None) -> SigningKey:
    """Open a private key file anywhere. Raises KeyPermissionsError when others may open it, KeyFileError, and those of
    `SigningKey.from_pem`; KeyFormatError when a public key in the same file is not its other half.
    """
    text = files.read_public(path)
    if any(block.label in pem.PRIVATE_LABELS for block in pem.blocks(text)):
        text = files.read_private(path)  # only now do others matter who can open it
    key = SigningKey.from_pem(text, passphrase, origin=str(path))
    if any(block.label in pem.PUBLIC_LABELS for block in pem.blocks(text)):
        public = PublicKey.from_pem(text, origin=str(path))
        if public != key.public:
            raise KeyFormatError(f"{path}: the public key in it belongs to another private key", "remove that block")
    return key


def _public_half(text: bytes, encrypted: bool, path: Path) -> PublicKey:
    if not encrypted:
        return SigningKey.from_pem(text, origin=str(path)).public
    if not any(block.label in pem.PUBLIC_LABELS for block in pem.blocks(text)):
        remedy = f"add it with: openssl pkey -in {path} -pubout >> {path}"
        raise KeyFormatError(f"{path} is locked and has no public key beside the private one", remedy)
    return PublicKey.from_pem(text, origin=str(path))


def read_public_key(path: Path) -> PublicKey:
    """Read a public key file from anywhere. Raises KeyFileError, KeyFormatError, KeyKindError."""
    return PublicKey.from_pem(files.read_public(path), origin=str(path))
