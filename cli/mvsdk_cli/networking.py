"""Whom an emulated application reaches by the network, as the options of a command say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mvsdk.emulator.cloud_link import CloudLink
    from mvsdk.emulator.network.peers import Peers
    from mvsdk.emulator.network.weather import LinkProfile

_FILE = click.Path(path_type=Path, dir_okay=False)
FOR_REAL_SERVERS = {"--allow-http", "--authority", "--endpoint"}
NAMES = ("offline", "peers", "config_values", "link", "allow_http", "authority", "endpoints")
"""The options, as the command's function has them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an application reaches, and over what link."""

    peers: Peers
    profile: LinkProfile


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What the command line says of the network."""

    offline: bool
    peers: Path | None
    config_values: Path | None
    link: str | None
    allow_http: bool
    authority: Path | None
    endpoints: tuple[tuple[str, str], ...]

    def check(self) -> None:
        """Raise `click.UsageError` where options contradict each other."""
        given = [flag for flag, value in self._flags() if value]
        if self.offline and given:
            raise click.UsageError(f"--offline leaves nobody to reach: leave it out, or {given[0]}.")
        real = [flag for flag in given if flag in FOR_REAL_SERVERS]
        if self.peers and real:
            raise click.UsageError(f"{real[0]} is for real servers, and --peers takes their place: leave one out.")

    def _flags(self) -> list[tuple[str, object]]:
        return [
            ("--peers", self.peers),
            ("--config", self.config_values),
            ("--link", self.link),
            ("--allow-http", self.allow_http),
            ("--authority", self.authority),
            ("--endpoint", self.endpoints),
        ]

    def reach(self, link: CloudLink | None) -> Reach | None:
        """Return what the options make of the network; None for none. Raises `NetworkSettingError`."""
        return None if self.offline else Reach(self._peers(link), self._profile())

    def _profile(self) -> LinkProfile:
        from mvsdk.emulator.network import weather

        if self.link is None or not Path(self.link).suffix:
            return weather.profile(self.link or weather.DEFAULT)
        return weather.read(Path(self.link))

    def _peers(self, link: CloudLink | None) -> Peers:
        """Return servers, or what takes their place."""
        from mvsdk.emulator.network.peers import PeersByKind

        if self.peers is not None:
            from mvsdk.emulator.network import peers_file

            scripted = peers_file.read(self.peers)
            config = self._config(link) or scripted
            return PeersByKind(http=scripted, mqtt=scripted, streams=scripted, config=config)
        from mvsdk.emulator.network.http_peer import HttpPeer
        from mvsdk.emulator.network.mqtt_peer import MqttPeers
        from mvsdk.emulator.network.stream_peer import Endpoint, StreamPeer

        endpoints = {name: Endpoint.parse(address) for name, address in self.endpoints}
        return PeersByKind(
            http=HttpPeer(trusted=self.authority, allow_http=self.allow_http),
            mqtt=MqttPeers(self.authority),
            streams=StreamPeer(endpoints, self.authority),
            config=self._config(link),
        )

    def _config(self, link: CloudLink | None) -> Peers | None:
        if self.config_values is not None:
            from mvsdk.emulator.network.config_file import ConfigFile

            return ConfigFile(self.config_values)
        if link is not None:
            from mvsdk.emulator.network.config_session import ConfigSession

            return ConfigSession(link.fetch_config)
        return None


def _endpoints(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values]
    for value, (name, _, address) in zip(values, pairs, strict=True):
        if not name or not address:
            raise click.BadParameter(
                f"'{value}' names no endpoint. Write NAME=tcp://HOST:PORT or NAME=tls://HOST:PORT."
            )
    return tuple((name, address) for name, _, address in pairs)


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as `network`."""
    for option in reversed(
        (
            click.option("--offline", is_flag=True, help="Let there be no network."),
            click.option("--peers", type=_FILE, help="Let the scripted servers of this peers.toml answer."),
            click.option(
                "--config", "config_values", type=_FILE, help="Take config and secrets from this values.toml."
            ),
            click.option("--link", metavar="NAME|FILE", help="What the link is like: good, lte-m, nb-iot, flaky."),
            click.option("--allow-http", is_flag=True, help="Let applications ask for http:// URLs, too."),
            click.option("--authority", type=_FILE, help="Trust these certificate authorities (PEM) for TLS, too."),
            click.option(
                "--endpoint",
                "endpoints",
                callback=_endpoints,
                multiple=True,
                help="Connect a channel's endpoint: NAME=tcp://HOST:PORT or NAME=tls://HOST:PORT.",
            ),
        )
    ):
        command = option(command)
    return command


def taken_from(options: dict[str, Any]) -> NetworkOptions:
    """Take the options out of a command's."""
    return NetworkOptions(**{name: options.pop(name) for name in NAMES})
