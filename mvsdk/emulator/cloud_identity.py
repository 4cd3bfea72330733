"""Who a device is to its cloud: a file in the device's folder, for its owner's eyes only."""

from __future__ import annotations

import json
import ssl
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mvsdk.emulator.errors import CloudIdentityError
from mvsdk.files import write_whole

FILE = "cloud.json"


@dataclass(frozen=True, slots=True)
class CloudIdentity:
    """Who a device is to its cloud, and the last command it has carried out.

    It shows its token or, without one, its certificate. `certificate` and `key` are PEM files of the device,
    `authority` is what it verifies the cloud's own certificate against, in place of what the system trusts: names of
    files within the device's folder.
    """

    url: str
    device: str
    token: str | None = field(default=None, repr=False)
    commands_done: int = 0
    certificate: str | None = None
    key: str | None = None
    authority: str | None = None

    @classmethod
    def read(cls, folder: Path) -> CloudIdentity:
        """Read it from a device's folder. Raises `CloudIdentityError`."""
        file = folder / FILE
        try:
            identity = cls(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            raise CloudIdentityError(
                f"{folder} belongs to no cloud", "make a device: mvsdk device create NAME"
            ) from None
        except (OSError, ValueError, TypeError) as error:
            raise CloudIdentityError(f"{file} cannot be read: {error}", "make the device anew") from error
        wrong = identity._what_is_wrong()
        if wrong:
            raise CloudIdentityError(f"{file} {wrong}", "make the device anew")
        return identity

    def write(self, folder: Path) -> None:
        """Keep it in a device's folder, for its owner's eyes only."""
        self.write_file(folder / FILE)

    def write_file(self, file: Path) -> None:
        """Write it into a file, for its owner's eyes only; as `cloud.json` it makes a folder that of the device."""
        write_whole(file, json.dumps(asdict(self)).encode(), mode=0o600)

    @property
    def headers(self) -> dict[str, str]:
        """What every request of the device to its cloud has in its head; nothing for one that shows its certificate."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.device}:{self.token}"}

    def tls(self, folder: Path) -> ssl.SSLContext | None:
        """Return how connections of the device that lies in `folder` are encrypted; None where its cloud speaks no TLS.

        Raises `CloudIdentityError` for files that are missing or no certificates.
        """
        if not self.url.startswith("https:"):
            return None
        try:
            context = ssl.create_default_context(cafile=folder / self.authority if self.authority else None)
            if self.certificate and self.key:
                context.load_cert_chain(folder / self.certificate, folder / self.key)
        except OSError as error:  # also what is wrong with their content
            named = ", ".join(name for name in (self.certificate, self.key, self.authority) if name)
            raise CloudIdentityError(
                f"the certificates of the device in {folder} cannot be used ({named}): {error.strerror or error}",
                "put the files there again, or make the device anew",
            ) from error
        return context

    def _what_is_wrong(self) -> str | None:
        """Return what keeps it from being shown to any cloud."""
        names = [name for name in (self.certificate, self.key, self.authority) if name is not None]
        texts = [self.url, self.device, *names, *([] if self.token is None else [self.token])]
        if not all(isinstance(text, str) for text in texts) or not isinstance(self.commands_done, int):
            return "has values of another kind"
        if any(Path(name).name != name for name in names):
            return f"names files outside of the device's folder: {', '.join(names)}"
        if (self.certificate is None) is not (self.key is None):
            return "has a certificate without its key, or a key without its certificate"
        if self.token is None and not (self.certificate and self.url.startswith("https:")):
            return "has no token, and no certificate that could be shown to this cloud"
        return None
