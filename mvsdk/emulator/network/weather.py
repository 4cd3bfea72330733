"""The weather on the link: how long it takes, how much it carries, and what it loses.

Everything by chance follows from one seed, in the order in which the application sends. A profile is a row of
`link-profiles.csv`, or any `LinkProfile`.
"""

from __future__ import annotations

import csv
import functools
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Answer,
    ConfigAnswer,
    ConfigRequest,
    HttpAnswer,
    HttpRequest,
    Lost,
    MqttConnect,
    MqttConnected,
    MqttState,
    Request,
    StreamOpen,
)

DEFAULT = "good"


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """What a link is like.

    One way takes `latency_ms` and up to `jitter_ms` more, and as long as its bytes take at `up_kbit_s` or `down_kbit_s`
    (0 for no limit). It is gone for `outage_s` seconds every `outage_every_s` or so (0 for never). `no_name`, `no_tls`
    and `reset` are chances, 0 to 1, that a name is not found, that there is no TLS, that a connection is reset.
    Raises `NetworkSettingError` for a value that cannot be.
    """

    latency_ms: float = 50
    jitter_ms: float = 0
    up_kbit_s: float = 0
    down_kbit_s: float = 0
    outage_every_s: float = 0
    outage_s: float = 0
    no_name: float = 0
    no_tls: float = 0
    reset: float = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            highest = 1.0 if field.name in {"no_name", "no_tls", "reset"} else 1e9
            if not 0 <= value <= highest:
                raise NetworkSettingError(f"{field.name} cannot be {value}", f"give 0 to {highest:g}")


@functools.cache
def profiles() -> Mapping[str, LinkProfile]:
    """Return the profiles that come with the library, by name."""
    with files(__package__).joinpath("link-profiles.csv").open(encoding="utf-8") as table:
        return {
            row["profile"]: LinkProfile(**{field.name: float(row[field.name]) for field in fields(LinkProfile)})
            for row in csv.DictReader(table)
        }


def profile(name: str) -> LinkProfile:
    """Return a profile by its name. Raises `NetworkSettingError`."""
    try:
        return profiles()[name]
    except KeyError:
        raise NetworkSettingError(f"there is no link {name!r}", f"there are: {', '.join(profiles())}") from None


def read(path: Path) -> LinkProfile:
    """Read a profile from a TOML file of its fields; `profile` names one that it differs from. Raises
    `NetworkSettingError`."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise NetworkSettingError(f"cannot read {path}: {error.strerror}", "name a profile or a file") from error
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise NetworkSettingError(f"{path} is not TOML: {error}", "mend the line that is named") from error
    base = data.pop("profile", DEFAULT)
    known = [field.name for field in fields(LinkProfile)]
    for name, value in data.items():
        if name not in known or type(value) not in {int, float}:
            raise NetworkSettingError(f"{path} has {name} = {value!r}", f"give numbers for {', '.join(known)}")
    return replace(profile(str(base)), **data)


class Weather:
    """A link with its own luck. `profile` may be changed at any time; what is under way then is not affected.

    What happens to the requests of an application follows from the seed and their order, whatever the peers do and
    when.
    """

    def __init__(self, profile: LinkProfile | None = None, seed: int = 0) -> None:
        self.profile = profile or profiles()[DEFAULT]
        self._fate, self._travel, self._unasked, self._outages = (
            random.Random(f"{seed}: {what}")  # noqa: S311 - reproducible on purpose
            for what in ("fate", "travel", "unasked", "outages")
        )

    def round_trip_us(self, sent: int) -> int:
        """Return how long a request of so many bytes takes, and the way back without its bytes. In microseconds."""
        sending = sent * 8e3 / self.profile.up_kbit_s if self.profile.up_kbit_s else 0
        return round(self._way(self._travel) + sending + self._way(self._travel))

    def one_way_us(self) -> int:
        """Return how long something that nobody asked for takes without its bytes. In microseconds."""
        return round(self._way(self._unasked))

    def reception_us(self, received: int) -> int:
        """Return how long the device takes to receive so many bytes. In microseconds."""
        return round(received * 8e3 / self.profile.down_kbit_s) if self.profile.down_kbit_s else 0

    def _way(self, luck: random.Random) -> float:
        return (self.profile.latency_ms + luck.uniform(0, self.profile.jitter_ms)) * 1e3

    def fate(self, request: Request) -> Answer | None:
        """Return what the link makes of a request by itself; None for one that gets through."""
        opens = isinstance(request, HttpRequest | MqttConnect | StreamOpen)
        if opens and self._happens(self.profile.no_name):
            return _failed(request, "NXDOMAIN")
        if opens and self._happens(self.profile.no_tls):
            return _failed(request, "UNKNOWNCA")
        if request.ANSWER is not None and self._happens(self.profile.reset):
            return _reset(request)
        return None

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._fate.random() < chance

    def next_outage_us(self) -> tuple[int, int] | None:
        """Return how long the link will be there, and then be gone; None for a link that stays. In microseconds."""
        if not self.profile.outage_every_s or not self.profile.outage_s:
            return None
        free = self._outages.uniform(0.5, 1.5) * self.profile.outage_every_s
        return round(free * 1e6), round(self._outages.uniform(0.5, 1.5) * self.profile.outage_s * 1e6)


def _failed(request: Request, state: MqttState) -> Answer:
    """Return what becomes of a request that reaches nobody."""
    match request:
        case MqttConnect():
            return MqttConnected(request.exchange, state)
        case StreamOpen():
            return Lost(request.exchange, "CONNECTIONTERMINATED")
    return _reset(request)


def _reset(request: Request) -> Answer:
    """Return what becomes of a request whose connection is reset. Where the cloud connects for the device it says that
    the request failed; the channel stays."""
    match request:
        case HttpRequest():
            return HttpAnswer(request.exchange, "REQUESTFAILED")
        case ConfigRequest():
            return ConfigAnswer(request.exchange, "OK", (("SERVERERROR", b""),) * len(request.items))
    return Lost(request.exchange, "CHANNELRESETBYSERVER")
