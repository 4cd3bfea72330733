"""Downloading: resumed at the byte, no faster than allowed, and patient with a server that fails or lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mvsdk.update.errors import BusyError, ServerError, UnreachableError, WrongAnswerError
from mvsdk.update.server import Clock, Part

HOUR = 3600.0
_PATIENCE = 24 * HOUR
"""The longest that a server's Retry-After is obeyed: nobody may send a device to sleep for ever."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the agent behaves where the manifest leaves it open. Times are seconds."""

    check_every: float = 60.0
    """How often to ask the server for something new."""
    first_retry: float = 1.0
    longest_retry: float = HOUR
    """After a failure; doubled each time, up to the longest, and shortened by up to half at random."""
    poll: float = 0.05
    """How soon to come back for an answer that is on its way."""
    request_size: int = 16 * 1024
    """Bytes asked for at once."""
    bytes_per_hour: int | None = None
    """How much may be downloaded in an hour; None: any amount."""
    wrong_limit: int = 3
    """How often a layer may come wrong before the bundle is left alone for `longest_retry`."""
    trial_boots: int = 8
    """How often a new application may be started without passing its trial."""
    page_attempts: int = 3
    """How often a page of flash is written before it counts as worn out."""

    def __post_init__(self) -> None:
        if min(self.request_size, self.wrong_limit, self.trial_boots, self.page_attempts) < 1:
            raise ValueError("sizes and counts of a policy are at least 1")
        if self.bytes_per_hour is not None and self.bytes_per_hour < 1:
            raise ValueError("a budget of no bytes would never let an update in")


class Pace:
    """When the server may be asked next. `random` returns 0 to 1, so that a fleet does not come at once."""

    def __init__(self, clock: Clock, policy: Policy, random: Callable[[], float]) -> None:
        self._clock, self._policy, self._random = clock, policy, random
        self._next = -math.inf
        self._hour = -math.inf
        self._spent = 0
        self._idle = False
        self.bytes_per_hour = policy.bytes_per_hour
        """The budget; free to be changed."""
        self.failures = 0
        """How often in a row it went wrong."""

    def wait(self) -> float:
        """Return the seconds until the server may be asked; 0 for now."""
        return max(0.0, self._next - self._clock.now())

    def rest(self, seconds: float) -> float:
        """Let the server alone for so long, and return it."""
        self._next, self._idle = self._clock.now() + seconds, False
        return seconds

    def idle(self, seconds: float) -> float:
        """Let the server alone for so long because there is nothing to ask, and return it; `hurry` may cut that."""
        self.rest(seconds)
        self._idle = True
        return seconds

    def hurry(self) -> None:
        """Ask again now, unless the server is being spared."""
        if self._idle:
            self.rest(0)

    def succeed(self) -> None:
        """Note that the server answered as it should."""
        self.failures = 0

    def fail(self, error: ServerError) -> float:
        """Note that it did not, and return how long to let it alone."""
        longest = min(self._policy.longest_retry, self._policy.first_retry * 2.0 ** min(self.failures, 40))
        self.failures += 1
        delay = longest * (1 - self._random() / 2)
        asked = error.retry_after if isinstance(error, BusyError) else None
        if asked is not None and math.isfinite(asked):
            delay = max(delay, min(asked, _PATIENCE))
        return self.rest(delay)

    def allowance(self) -> int:
        """Return how many bytes may be asked for now; when there are none, `wait` says how long."""
        budget = self.bytes_per_hour
        if budget is None:
            return self._policy.request_size
        now = self._clock.now()
        if not 0 <= now - self._hour < HOUR:
            self._hour, self._spent = now, 0
        left = budget - self._spent
        if left <= 0:
            self.rest(self._hour + HOUR - now)
            return 0
        return min(left, self._policy.request_size)

    def spend(self, count: int) -> None:
        """Note bytes that came."""
        self._spent += count


class Download:
    """One thing that comes in ranges, from byte `position` of `total` on. `ask` returns a range, None for nothing."""

    def __init__(self, ask: Callable[[int, int], Part | None], pace: Pace, position: int = 0, total: int = 0) -> None:
        self._ask, self._pace = ask, pace
        self._position, self.total = position, total
        self._buffer = b""

    def start(self, limit: int) -> bool:
        """Learn how much it is by asking for the beginning; False when there is nothing.

        Raises WrongAnswerError for more than `limit` bytes, and what the server raises.
        """
        allowed = self._pace.allowance()
        if not allowed:
            return True
        part = self._ask(0, allowed)
        if part is None:
            return False
        if not 0 < part.total <= limit:
            raise WrongAnswerError(f"the server says that it has {part.total} bytes, where 1 to {limit} can be")
        self.total = part.total
        self._take(part, min(allowed, self.total))
        return True

    def take(self, count: int) -> bytes | None:
        """Return the next `count` bytes once they are there; None while some are missing, having asked for more."""
        if len(self._buffer) < count:
            self._more()
        if len(self._buffer) < count:
            return None
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        self._position += count
        return data

    def _more(self) -> None:
        start = self._position + len(self._buffer)
        length = min(self._pace.allowance(), self.total - start)
        if length <= 0:
            return
        part = self._ask(start, length)
        if part is None or part.total != self.total:
            said = "nothing" if part is None else f"{part.total} bytes"
            raise WrongAnswerError(f"the server now says that it has {said}, and said {self.total} bytes before")
        self._take(part, length)

    def _take(self, part: Part, asked: int) -> None:
        if len(part.data) > asked:
            raise WrongAnswerError(f"the server sent {len(part.data)} bytes when asked for {asked}")
        if not part.data:
            raise UnreachableError("the server sent nothing of what it has", "the device tries again by itself")
        self._pace.spend(len(part.data))
        self._pace.succeed()
        self._buffer += part.data
