"""The keys a command works with: the store, the environment, and files named on the command line.

MVSDK_HOME             folder of mvsdk's own files; default $XDG_CONFIG_HOME/mvsdk, else ~/.config/mvsdk
MVSDK_SIGNING_KEY      a private key as PEM text, for CI; signs when no key is chosen, and is trusted
MVSDK_KEY_PASSPHRASE   unlocks whatever key is locked
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mvsdk.keys.errors import KeyFileError, PassphraseMissingError, UnknownKeyError
from mvsdk.keys.p256 import PublicKey, SigningKey
from mvsdk.keys.store import DEVELOPMENT, FileKeyStore, open_key_file, read_public_key

SIGNING_KEY = "MVSDK_SIGNING_KEY"
PASSPHRASE = "MVSDK_KEY_PASSPHRASE"  # noqa: S105 - the variable's name

Ask = Callable[[str], bytes]
"""Asks a person for the passphrase of the key named."""


class Keyring:
    """All keys of one person on one machine. `ask` is None where there is nobody to ask."""

    def __init__(self, environment: Mapping[str, str], ask: Ask | None = None) -> None:
        self.store = FileKeyStore(home_directory(environment) / "keys")
        self._environment = environment
        self._ask = ask

    def signer(self, choice: str | None = None) -> tuple[str, SigningKey]:
        """Open the key to sign with, and return the name to show for it with it.

        `choice` is a name in the store or the path of a PEM file; without one it is the key in the environment, and
        without that the development key, made on first use. Raises a leaf of KeyStoreError.
        """
        if choice is None:
            in_environment = self._environment_key()
            if in_environment is not None:
                return SIGNING_KEY, in_environment
            return DEVELOPMENT, self._unlock(DEVELOPMENT, self.store.development_key)
        if choice in self.store.names():
            return choice, self._unlock(choice, lambda passphrase: self.store.signer(choice, passphrase))
        path = Path(choice)
        if path.is_file():
            return choice, self._unlock(choice, lambda passphrase: open_key_file(path, passphrase))
        if len(path.parts) > 1 or path.suffix == ".pem":
            raise KeyFileError(f"there is no key file {choice}", "check the path, or name a key of `mvsdk keys list`")
        known = ", ".join(self.store.names()) or "none yet"
        remedy = f"keys in the store: {known}; make one: mvsdk keys new {choice}"
        raise UnknownKeyError(f"there is no key '{choice}' in {self.store.directory}, and no such file", remedy)

    def trusted(self, public_key_files: Iterable[Path] = ()) -> dict[str, PublicKey]:
        """Return everything a signature may come from, under the name to show for it: the files given, the key in the
        environment, and all keys of the store."""
        keys = {str(path): read_public_key(path) for path in public_key_files}
        in_environment = self._environment_key()
        if in_environment is not None:
            keys[SIGNING_KEY] = in_environment.public
        return keys | {entry.name: entry.public for entry in self.store.entries()}

    def _environment_key(self) -> SigningKey | None:
        text = self._environment.get(SIGNING_KEY)
        if not text:
            return None
        return self._unlock(
            SIGNING_KEY, lambda passphrase: SigningKey.from_pem(_octets(text), passphrase, origin=SIGNING_KEY)
        )

    def _unlock(self, name: str, opened: Callable[[bytes | None], SigningKey]) -> SigningKey:
        """Open a key with the passphrase of the environment, or with what a person types when it turns out locked."""
        given = self._environment.get(PASSPHRASE)
        try:
            return opened(_octets(given) if given else None)
        except PassphraseMissingError:
            if self._ask is None:
                raise
            return opened(self._ask(name))


def _octets(value: str) -> bytes:
    # The environment holds bytes; what of them is no UTF-8 reaches Python as surrogates (PEP 383).
    return value.encode("utf-8", "surrogateescape")


def home_directory(environment: Mapping[str, str]) -> Path:
    """Return the folder of mvsdk's own files. A relative XDG_CONFIG_HOME is ignored (XDG Base Directory Specification).

    Raises KeyFileError when the environment names no folder at all.
    """
    chosen = environment.get("MVSDK_HOME")
    if chosen:
        return Path(chosen)
    configuration = Path(environment.get("XDG_CONFIG_HOME", ""))
    if configuration.is_absolute():
        return configuration / "mvsdk"
    home = environment.get("HOME")
    if not home:
        raise KeyFileError("there is no home directory to keep keys in", "set MVSDK_HOME to a folder of your own")
    return Path(home) / ".config" / "mvsdk"
