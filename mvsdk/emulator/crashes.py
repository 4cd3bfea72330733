"""What happens after a fault: how long the kernel waits before it starts the application again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mvsdk.bundle import ManifestOptions

DEFAULT_MINIMUM_MS, DEFAULT_MAXIMUM_MS = 1_000, 60_000
"""Bounds where the manifest gives none (inferred; the kernel's own are not published)."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """A crashing application starts no more often than every `minimum_ms`, and at least every `maximum_ms`."""

    minimum_ms: int = DEFAULT_MINIMUM_MS
    maximum_ms: int = DEFAULT_MAXIMUM_MS

    @classmethod
    def of(cls, options: ManifestOptions) -> RestartPolicy | None:
        """Return what a manifest asks for; None if it asks for nothing. A bound that it leaves out is the default,
        moved as far as the other one demands."""
        minimum, maximum = options.minimum_restart_ms, options.maximum_restart_ms
        if not minimum and not maximum:
            return None
        minimum = minimum or min(DEFAULT_MINIMUM_MS, maximum)
        return cls(minimum, maximum or max(DEFAULT_MAXIMUM_MS, minimum))


class BackOff:
    """Counts crashes in a row. The time from start to start begins at the minimum and doubles with each crash up to
    the maximum; a life longer than the maximum begins the count anew (inferred: only the bounds are documented)."""

    STATE: ClassVar[tuple[str, ...]] = ("crashes",)

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self.crashes = 0
        """How many there were in a row."""

    def crashed(self, lived_us: int) -> int:
        """Count a crash of an application that lived so long; return how many microseconds to wait from now."""
        maximum = self._policy.maximum_ms
        if lived_us > maximum * 1000:
            self.crashes = 0
        between = self._policy.minimum_ms
        for _ in range(self.crashes):
            if between >= maximum:
                break
            between *= 2
        self.crashes += 1
        return max(0, min(between, maximum) * 1000 - lived_us)
