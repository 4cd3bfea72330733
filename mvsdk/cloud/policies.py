"""How devices are to update themselves, as people say it: for all of an account, for one, for one app on its way.

Each says as much as it wants; what it leaves open is what the one before it says, and in the end a device's default.
"""

from __future__ import annotations

import msgspec

from mvsdk.link import UpdatePolicy


class PolicyPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody says of an `UpdatePolicy`; None is left open."""

    trial_seconds: int | None = None
    trial_needs_session: bool | None = None
    bytes_per_hour: int | None = None

    def encode(self) -> str | None:
        """Return it as it is kept; None if it says nothing."""
        return None if self == PolicyPart() else msgspec.json.encode(self).decode()


def read(kept: str | None) -> PolicyPart:
    """Return what was kept."""
    return msgspec.json.decode(kept, type=PolicyPart) if kept else PolicyPart()


def effective(*parts: str | None) -> UpdatePolicy:
    """Return what holds when these were said, as they are kept, the last one being the strongest."""
    policy = UpdatePolicy()
    for part in parts:
        said = {name: value for name, value in msgspec.structs.asdict(read(part)).items() if value is not None}
        policy = msgspec.structs.replace(policy, **said)
    return policy
