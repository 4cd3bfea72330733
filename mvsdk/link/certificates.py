"""What a device needs to show a certificate: a key of its own, and the request that its cloud signs."""

from __future__ import annotations


def certificate_request() -> tuple[bytes, bytes]:
    """Make a key (P-256) and a request for its certificate (PKCS #10); return both as PEM.

    Nothing of the request counts but its key: the cloud says whose certificate it is.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, request.public_bytes(Encoding.PEM)
