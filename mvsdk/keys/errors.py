"""What can be wrong with a key.

KeyStoreError
├── KeyNameError             the name cannot be a key's name
├── UnknownKeyError          there is no key of that name
├── KeyExistsError           the name is taken, and keys are never overwritten
├── KeyFileError             the system refuses to read or write a key file
├── KeyPermissionsError      others may read the private key, or change what is trusted
├── KeyFormatError           not a PEM key, or a damaged one
├── KeyKindError             a key, but of another curve, algorithm or half
├── PassphraseMissingError   the key is locked and nobody gave a passphrase
└── PassphraseError          the passphrase does not unlock the key
"""

from mvsdk.errors import KeyStoreError


class KeyNameError(KeyStoreError):
    """The name cannot be a key's name."""


class UnknownKeyError(KeyStoreError):
    """There is no key of that name."""


class KeyExistsError(KeyStoreError):
    """The name is taken, and keys are never overwritten."""


class KeyFileError(KeyStoreError):
    """The system refuses to read or write a key file."""


class KeyPermissionsError(KeyStoreError):
    """Others may read a private key, or change what is trusted."""


class KeyFormatError(KeyStoreError):
    """The text is not a PEM key, or is a damaged one."""


class KeyKindError(KeyStoreError):
    """It is a key, but of another curve or algorithm, or the wrong half of the pair."""


class PassphraseMissingError(KeyStoreError):
    """The private key is locked and nobody gave a passphrase."""


class PassphraseError(KeyStoreError):
    """The passphrase does not unlock the private key."""
