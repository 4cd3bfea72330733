"""Keys and signatures."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.errors import KeyStoreError
from mvsdk.keys import (
    KeyFormatError,
    KeyKindError,
    PassphraseError,
    PassphraseMissingError,
    PublicKey,
    Signer,
    SigningKey,
)
from tests.keys.samples import RFC_6979_KEY, key_of, private_pem, public_pem

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's group (SEC 2, 2.4.2)."""
GENERATOR = (
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
KEY = key_of(RFC_6979_KEY)


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        (
            b"sample",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            b"test",
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
            "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        ),
    ],
)
def test_signatures_are_those_of_rfc_6979(message: bytes, r: str, s: str) -> None:
    """ECDSA over SHA-256 gives the values of RFC 6979, A.2.5, as r then s."""
    assert KEY.sign(message).hex().upper() == r + s


def test_the_key_id_is_the_published_one() -> None:
    """The generator's point has the id that the bundle format gives as its golden value."""
    key = key_of(1).public
    assert key.point.hex() == GENERATOR
    assert key.id == 0x0ED2CAD46DED7D8C  # 1068139075366387084


@given(st.binary(max_size=100))
def test_a_signature_is_verified_by_its_key_only(message: bytes) -> None:
    """What a key signs verifies with its public half and with no other."""
    signer: Signer = KEY
    signature = signer.sign(message)
    assert len(signature) == 64
    assert signer.public.verify(signature, message)
    assert not signer.public.verify(signature, message + b"\0")
    assert not key_of(1).public.verify(signature, message)


@given(st.binary(max_size=70))
def test_no_bytes_are_too_odd_to_be_refused(signature: bytes) -> None:
    """`verify` answers false for arbitrary bytes, and raises nothing."""
    assert not KEY.public.verify(signature, b"message")


@pytest.mark.parametrize("r", [0, ORDER, ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("half", [0, 1])
def test_r_and_s_must_be_in_range(r: int, half: int) -> None:
    """A signature with r or s outside of 1 … order - 1 does not verify (FIPS 186-5, 6.4.2)."""
    signature = bytearray(KEY.sign(b"message"))
    signature[32 * half : 32 * half + 32] = r.to_bytes(32, "big")
    assert not KEY.public.verify(bytes(signature), b"message")


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_pem_goes_out_and_in(passphrase: bytes | None) -> None:
    """A private key written as PEM, locked or not, is the same key when it is read."""
    text = KEY.to_pem(passphrase)
    assert text.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY" if passphrase else b"-----BEGIN PRIVATE KEY")
    assert SigningKey.from_pem(text, passphrase).public == KEY.public
    assert PublicKey.from_pem(KEY.public.to_pem()) == KEY.public
    assert PublicKey.from_point(KEY.public.point) == KEY.public


def test_generated_keys_differ() -> None:
    """Two generated keys are two keys."""
    assert SigningKey.generate().public != SigningKey.generate().public


def test_a_passphrase_nobody_needs_is_ignored() -> None:
    """An unlocked key opens with any passphrase, so that one variable can serve several keys."""
    assert SigningKey.from_pem(KEY.to_pem(), b"whatever").public == KEY.public


def test_the_older_form_of_openssl_is_read(tmp_path: Path) -> None:
    """A key of `openssl ecparam -genkey`, with its EC PARAMETERS block in front, is read."""
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", file], check=True)
    text = file.read_bytes()
    assert b"EC PARAMETERS" in text
    public = subprocess.run(["openssl", "pkey", "-in", file, "-pubout"], check=True, capture_output=True).stdout
    assert SigningKey.from_pem(text).public == PublicKey.from_pem(public)


def test_windows_line_ends_are_read() -> None:
    """PEM text that passed through an editor for Windows is still PEM."""
    assert SigningKey.from_pem(KEY.to_pem().replace(b"\n", b"\r\n")).public == KEY.public


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (ec.derive_private_key(5, ec.SECP384R1()), "secp384r1"),
        (ec.derive_private_key(5, ec.SECP256K1()), "secp256k1"),
        (ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), "Ed25519"),
        (rsa.generate_private_key(65537, 2048), "RSA"),
    ],
    ids=["P-384", "secp256k1", "Ed25519", "RSA"],
)
def test_another_curve_or_algorithm_is_named(
    other: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, named: str
) -> None:
    """A key that is not on P-256 is refused with the name of what it is, private or public."""
    with pytest.raises(KeyKindError, match=f"the file .*{named}.*P-256"):
        SigningKey.from_pem(private_pem(other), origin="the file")
    with pytest.raises(KeyKindError, match=f"the file .*{named}.*P-256"):
        PublicKey.from_pem(public_pem(other), origin="the file")


def test_the_wrong_half_is_named() -> None:
    """A public key where a private one is needed is refused as such, and the other way round."""
    with pytest.raises(KeyKindError, match=r"x\.pem holds a public key where a private key is needed"):
        SigningKey.from_pem(KEY.public.to_pem(), origin="x.pem")
    with pytest.raises(KeyKindError, match=r"x\.pem holds a private key where a public key is needed"):
        PublicKey.from_pem(KEY.to_pem(), origin="x.pem")


def test_other_pem_blocks_are_named() -> None:
    """A certificate is refused by the name of its block."""
    text = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(KeyKindError, match="'CERTIFICATE' where a public key"):
        PublicKey.from_pem(text)


def test_two_keys_are_one_too_many() -> None:
    """A file with two private keys does not leave the choice to chance."""
    with pytest.raises(KeyFormatError, match="holds 2 keys"):
        SigningKey.from_pem(KEY.to_pem() + key_of(1).to_pem())


@pytest.mark.parametrize("text", [b"", b"hello", KEY.to_pem()[:-30], b"\xff" * 100])
def test_what_is_no_pem_is_refused(text: bytes) -> None:
    """Text without a complete PEM block is no key."""
    with pytest.raises(KeyFormatError, match="no PEM key"):
        SigningKey.from_pem(text)


def test_a_damaged_key_is_refused_without_showing_it() -> None:
    """A key whose base64 is damaged is refused, and no line of it appears in the error."""
    lines = KEY.to_pem().splitlines()
    damaged = b"\n".join([lines[0], lines[1][8:], *lines[2:]])
    with pytest.raises(KeyFormatError, match="damaged") as caught:
        SigningKey.from_pem(damaged)
    assert lines[2].decode() not in caught.value.what + caught.value.remedy


@given(st.binary(max_size=60))
def test_random_blocks_are_refused(content: bytes) -> None:
    """No content of a PEM block raises anything but a KeyStoreError."""
    for label in (b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY", b"EC PRIVATE KEY"):
        text = b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, content, label)
        with pytest.raises(KeyStoreError):
            SigningKey.from_pem(text, b"passphrase")
    with pytest.raises(KeyStoreError):
        PublicKey.from_pem(b"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % content)


@pytest.mark.parametrize("passphrase", [None, b""])
def test_a_missing_passphrase_is_asked_for(passphrase: bytes | None) -> None:
    """A locked key without a passphrase says that one is missing."""
    with pytest.raises(PassphraseMissingError, match="locked"):
        SigningKey.from_pem(KEY.to_pem(b"secret word"), passphrase)


def test_a_wrong_passphrase_is_not_repeated() -> None:
    """A wrong passphrase is refused, and neither it nor the right one appears in the error."""
    with pytest.raises(PassphraseError) as caught:
        SigningKey.from_pem(KEY.to_pem(b"secret word"), b"secret guess")
    assert "secret" not in caught.value.what + caught.value.remedy


def test_a_locked_key_of_the_older_form_is_known_as_locked() -> None:
    """SEC 1 keys say in a header line that they are locked; that is not taken for damage."""
    body = private_pem(ec.derive_private_key(5, ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL)
    locked = body.replace(b"KEY-----\n", b"KEY-----\nProc-Type: 4,ENCRYPTED\n", 1)
    with pytest.raises(PassphraseMissingError):
        SigningKey.from_pem(locked)


def test_no_secret_is_in_a_repr() -> None:
    """A private key shows its id and nothing else."""
    shown = repr(KEY) + str(KEY)
    assert f"{KEY.public.id:016x}" in shown
    assert f"{RFC_6979_KEY:x}" not in shown.lower()


@pytest.mark.parametrize(
    "point", [b"", bytes(65), b"\x02" + bytes(32), bytes.fromhex(GENERATOR)[:-1], b"\x04" + b"\1" * 64]
)
def test_what_is_no_point_is_no_key(point: bytes) -> None:
    """Bytes of another length or form, or off the curve, are refused."""
    with pytest.raises(KeyFormatError, match="point"):
        PublicKey.from_point(point)
