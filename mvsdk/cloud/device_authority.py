"""The cloud's own certificate authority: it signs what devices show in place of a token, and nothing else.

A certificate has no end of its own. Of each device the latest counts (`store.sessions`), so a new one ends the old one.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk.cloud.errors import CertificateRequestError, DataDirectoryError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_KEY, _CERTIFICATE = "key.pem", "certificate.pem"
_NO_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""What RFC 5280 (4.1.2.5) has for certificates without a well-defined end."""
_BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
"""Before any device was made, so that no device's or server's clock is behind it."""


class DeviceAuthority:
    """The authority in a folder, made on first use. Raises DataDirectoryError for files that are not its own."""

    def __init__(self, folder: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self.certificate_file = folder / _CERTIFICATE
        """What a server verifies devices against."""
        try:
            if not self.certificate_file.exists():
                _make(folder)
            key = load_pem_private_key((folder / _KEY).read_bytes(), None)
            self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        except (OSError, ValueError) as error:
            raise DataDirectoryError(
                f"cannot use the device authority in {folder}: {error}", "restore a backup"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            raise DataDirectoryError(f"{folder} holds a key and a certificate of two authorities", "restore a backup")
        self._key = key

    def issue(self, request: bytes, sid: str) -> tuple[str, bytes]:
        """Return the certificate of a device for its request (PEM, PKCS #10), and how it will be recognised: 32 bytes.

        Only the key of the request matters; whose it is, the caller says. Raises CertificateRequestError.
        """
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import ExtendedKeyUsageOID

        try:
            wanted = x509.load_pem_x509_csr(request)
            key, sound = wanted.public_key(), wanted.is_signature_valid
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CertificateRequestError("this is no certificate request", _REMEDY) from error
        if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise CertificateRequestError("the request is not signed with a P-256 key of its own", _REMEDY)
        certificate = (
            _begun(sid, self._certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode(), certificate.fingerprint(hashes.SHA256())


_REMEDY = "make one: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=device"


def _make(folder: Path) -> None:
    """Make a key and a certificate that it signs itself, which is written last: it says that both are there."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mvsdk cloud devices")])
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        _begun("mvsdk cloud devices", name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _keep(folder / _KEY, private)
    _keep(folder / _CERTIFICATE, certificate.public_bytes(Encoding.PEM))


def _keep(path: Path, content: bytes) -> None:
    """Write a file whole and durably: an authority that is lost takes all certificates with it."""
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _begun(name: str, issuer: x509.Name, key: EllipticCurvePublicKey) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_NO_END)
    )
