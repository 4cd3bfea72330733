"""TLS to a broker: whom to trust, who the client is, and what a failure is called.

TLS is mandatory, as for devices. Certificates come from an application, so they may be anything.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import MqttConnect, MqttState

LARGEST_PACKET = 1 << 20
"""Bytes. A broker that sends a larger one is not read any further."""
_EXPIRED = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID and …_HAS_EXPIRED: outside the time it is for."""
_UNKNOWN = {2, 18, 19, 20, 21, 24}
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_DEPTH_ZERO_SELF_SIGNED_CERT, …_SELF_SIGNED_CERT_IN_CHAIN,
…_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, …_UNABLE_TO_VERIFY_LEAF_SIGNATURE, …_INVALID_CA."""


class UnusableCredentialsError(ValueError):
    """What the application gave is no certificate or key, or they do not belong together."""


class BoundedSocket(ssl.SSLSocket):
    """A TLS socket that is asked for a packet's bytes at once, and refuses if they are too many.

    Nobody else has it before the handshake is done, so it closes itself if that fails.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive; `OSError` for a packet that is too large."""
        if buflen > LARGEST_PACKET:
            raise ConnectionAbortedError(f"a packet of {buflen} bytes")
        return super().recv(buflen, flags)

    def do_handshake(self, block: bool = False) -> None:
        """Do it, or close."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def check_trusted(file: Path) -> None:
    """Raise `NetworkSettingError` for a file without authorities."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except OSError as error:
        raise NetworkSettingError(
            f"{file} has no certificate authorities: {error}", "give a file of PEM certificates"
        ) from error


def make_context(request: MqttConnect, trusted: Path | None) -> ssl.SSLContext:
    """Return how to speak TLS for a request. `trusted` is a PEM file of authorities that are trusted beside the host's.

    Raises `UnusableCredentialsError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedSocket
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        if request.authorities:
            # What the application trusts is trusted by itself, whoever signed it.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=b"".join(request.authorities))
        else:
            context.load_default_certs()
            if trusted is not None:
                context.load_verify_locations(cafile=trusted)
        if request.certificates:
            _load_own(context, request.certificates, request.key)
    except (ssl.SSLError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # What the library says of a key could quote it.
        raise UnusableCredentialsError("the certificates or the key cannot be used") from error
    return context


def _load_own(context: ssl.SSLContext, certificates: tuple[bytes, ...], key: bytes) -> None:
    """Let the client prove itself. The library reads files only: they are in a folder of the user's own, which is gone
    at once, and the key in it is encrypted."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_der_private_key,
    )

    password = secrets.token_hex(32)
    encrypted = load_der_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
    with tempfile.TemporaryDirectory(prefix="mvsdk-") as folder:
        chain, own = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text("".join(map(ssl.DER_cert_to_PEM_cert, certificates)), encoding="ascii")
        own.write_bytes(encrypted)
        context.load_cert_chain(chain, own, password)


def state_of(error: Exception) -> MqttState:
    """Return what a failure to connect is called."""
    match error:
        case socket.gaierror() | UnicodeError():
            return "NXDOMAIN"
        case ssl.SSLCertVerificationError() if error.verify_code in _EXPIRED:
            return "CERTIFICATEEXPIRED"
        case ssl.SSLCertVerificationError() if error.verify_code in _UNKNOWN:
            return "UNKNOWNCA"
    return "SOCKETERROR"


def shut(connection: Any) -> None:  # noqa: ANN401 - the library's sockets are of several types
    """Let a connection end without a word, as one does that breaks."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is broken already.
        return
