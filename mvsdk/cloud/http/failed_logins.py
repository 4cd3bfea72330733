"""How often an address may show wrong credentials."""

from __future__ import annotations

from collections import OrderedDict

FAILURES, WITHIN_US = 10, 60 * 1_000_000
_ADDRESSES_MOST = 10_000


class FailedLogins:
    """Counts failures by address: after ten within a minute, the address waits until the minute is over.

    The least recent addresses are forgotten, so that many of them cannot fill the memory.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait(self, address: str, now_us: int) -> int:
        """Return the seconds until the address may try again; 0 if it may now."""
        since, count = self._failures.get(address, (0, 0))
        left = since + WITHIN_US - now_us
        return -(-left // 1_000_000) if count >= FAILURES and 0 < left <= WITHIN_US else 0

    def note(self, address: str, now_us: int) -> None:
        """Count a failure."""
        since, count = self._failures.pop(address, (now_us, 0))
        if not 0 <= now_us - since < WITHIN_US:
            since, count = now_us, 0
        self._failures[address] = since, count + 1
        if len(self._failures) > _ADDRESSES_MOST:
            self._failures.popitem(last=False)
