"""What a manifest says beside its layers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mvsdk.bundle.errors import OptionError
from mvsdk.errors import KeyStoreError
from mvsdk.keys import PublicKey

_KEYS = ("debug_auth_pubkey", "crash_report_pubkey")


@dataclass(frozen=True, slots=True)
class ManifestOptions:
    """The options of an application manifest (bundle format, "Option meanings"). Defaults are not on the wire.

    Keys are uncompressed P-256 points of 65 bytes. Times end in their unit.
    """

    debug_auth_pubkey: bytes | None = None
    """Who may debug the device remotely. A device takes its presence as permission to debug (inferred)."""
    debuggable: bool = False
    connection_grace_time_sec: int = 0
    minimum_check_in_time_sec: int = 0
    """How often to connect and look for updates; 0 = always try to stay online."""
    minimum_kernel_version: int = 0
    maximum_politeness_time_sec: int = 0
    """How long an update waits for the application to agree; 0 = it does not wait."""
    minimum_restart_ms: int = 0
    maximum_restart_ms: int = 0
    """A crashing application is restarted no more often than the first, and at least as often as the second."""
    crash_report_pubkey: bytes | None = None
    include_stack_bytes: int = 0
    """How much of the stack an encrypted crash report holds."""
    rollback_counter: int = 0
    """A device that has confirmed this bundle takes none with a smaller counter any more. An extension of mvsdk."""
    may_replace_counter: int = 0
    """The exception: this bundle is taken by devices whose counter is at most this, though its own is smaller."""

    def check(self) -> None:
        """Raise OptionError for a value that no manifest can carry or no device could follow.

        Called for manifests that are made here; what a foreign, signed manifest says is reported as it is.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and not 0 <= value < 1 << 32:
                raise OptionError(f"{field.name} = {value} does not fit 32 bits", "give a number from 0 to 4294967295")
            if field.name in _KEYS and value is not None:
                _check_key(field.name, value)
        if self.maximum_restart_ms and self.minimum_restart_ms > self.maximum_restart_ms:
            raise OptionError(
                f"minimum_restart_ms = {self.minimum_restart_ms} is longer than "
                f"maximum_restart_ms = {self.maximum_restart_ms}",
                "make the minimum the shorter one",
            )
        if 0 < self.may_replace_counter <= self.rollback_counter:
            raise OptionError(
                f"may_replace_counter = {self.may_replace_counter} allows nothing that rollback_counter = "
                f"{self.rollback_counter} does not",
                "give the counter of the newest bundle that this one may replace, or leave it out",
            )
        if self.include_stack_bytes and self.crash_report_pubkey is None:
            raise OptionError(
                f"include_stack_bytes = {self.include_stack_bytes}, but there is no crash_report_pubkey to encrypt for",
                "give a crash report key too, or leave the stack bytes out",
            )


def _check_key(name: str, point: bytes) -> None:
    try:
        PublicKey.from_point(point)
    except KeyStoreError as error:
        raise OptionError(f"{name}: {error.what}", error.remedy) from error
