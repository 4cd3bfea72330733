"""Scripted peers from a file, peers.toml:

    [[http]]                                # of several that fit, the first that is not used up answers
    method = "GET"                          # GET if left out
    url = "https://api.example.com/time"    # one that ends in "*" stands for all that begin so
    status = 200
    headers = {Content-Type = "application/json"}
    body = '{"hour": 12}'                   # or body_file = "answer.bin", beside this file
    after = "300ms"                         # of the device's time, beside what the link takes
    times = 1                               # how often; without it, for ever

    [[http]]
    url = "https://api.example.com/broken"
    result = "REQUESTFAILED"                # an MvHttpResult instead of an answer

    [[mqtt]]
    host = "broker.example.com"
    port = 8883
    username = "kitchen"                    # wanted of the client, if given
    password = "sesame"
    [[mqtt.after_subscribe]]                # to just this topic filter; after_publish: to a topic that fits
    to = "commands/#"
    topic = "commands/led"
    payload = "on"
    after = "2s"
    [[mqtt.after_publish]]
    to = "reset"
    lose = "CHANNELRESETBYSERVER"           # an MvClosureReason: the connection is cut

    [[mqtt]]
    host = "refuses.example.com"
    state = "CERTIFICATEEXPIRED"            # an MvMqttRequestState, or reason = 0x87 from the broker

    [[stream]]
    endpoint = "weather-station"
    lines = ["hello", "21.5"]               # said one after the other, each when something has come; without: an echo

Whatever the file says that is not like this is an error that names its place.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from mvsdk.emulator.durations import microseconds
from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import Closure, HttpResult, MqttState
from mvsdk.emulator.network.scripted import Message, ScriptedPeers

REMEDY = "see the beginning of mvsdk/emulator/network/peers_file.py, or docs/network.md, for what it may say"


_Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
_Qos = Annotated[int, msgspec.Meta(ge=0, le=2)]


class _Http(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    method: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$")] = "GET"
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] = 200
    headers: dict[str, str] = {}
    body: str | None = None
    body_file: str | None = None
    result: HttpResult = "OK"
    after: str = "0s"
    times: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Reaction(msgspec.Struct, forbid_unknown_fields=True):
    to: str
    topic: str | None = None
    payload: str = ""
    qos: _Qos = 0
    retain: bool = False
    after: str = "0s"
    lose: Closure | None = None


class _Mqtt(msgspec.Struct, forbid_unknown_fields=True):
    host: str
    port: _Port = 8883
    username: str | None = None
    password: str | None = None
    state: MqttState = "REQUESTCOMPLETED"
    reason: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    after_subscribe: list[_Reaction] = []
    after_publish: list[_Reaction] = []


class _Stream(msgspec.Struct, forbid_unknown_fields=True):
    endpoint: str
    lines: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    http: list[_Http] = []
    mqtt: list[_Mqtt] = []
    stream: list[_Stream] = []


def read(path: Path) -> ScriptedPeers:
    """Read scripted peers. Raises `NetworkSettingError`."""
    try:
        with path.open("rb") as file:
            data = msgspec.convert(tomllib.load(file), _File)
        return _peers(data, path.parent)
    except OSError as error:
        raise NetworkSettingError(f"cannot read {error.filename or path}: {error.strerror}", REMEDY) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeError, ValueError) as error:
        raise NetworkSettingError(f"{path} cannot be peers: {error}", REMEDY) from error


def _peers(data: _File, folder: Path) -> ScriptedPeers:
    peers = ScriptedPeers()
    for http in data.http:
        for name, value in http.headers.items():
            if not f"{name}{value}".isascii() or not f"{name}{value}".isprintable():
                raise ValueError(f"{http.url} has the header {name!r}, which is no printable ASCII")
        if http.body is not None and http.body_file is not None:
            raise ValueError(f"{http.url} has both body and body_file")
        body = (folder / http.body_file).read_bytes() if http.body_file else (http.body or "").encode("utf-8")
        peers.http(
            http.method,
            http.url,
            status=http.status,
            headers=http.headers,
            body=body,
            result=http.result,
            after_us=microseconds(http.after),
            times=http.times,
        )
    for mqtt in data.mqtt:
        broker = peers.mqtt(mqtt.host, mqtt.port, username=mqtt.username, password=mqtt.password)
        if mqtt.state != "REQUESTCOMPLETED" or mqtt.reason:
            broker.refuse(mqtt.state, mqtt.reason)
        for reaction in mqtt.after_subscribe:
            broker.after_subscribe(reaction.to, _message(reaction), microseconds(reaction.after))
        for reaction in mqtt.after_publish:
            if reaction.lose is not None:
                broker.lose_after_publish(reaction.to, reaction.lose, microseconds(reaction.after))
            if reaction.topic is not None or reaction.lose is None:
                broker.after_publish(reaction.to, _message(reaction), microseconds(reaction.after))
    for stream in data.stream:
        peers.stream(stream.endpoint, *(line.encode("utf-8") for line in stream.lines))
    return peers


def _message(reaction: _Reaction) -> Message:
    if not reaction.topic:
        raise ValueError(f"what happens after {reaction.to} has no topic")
    return Message(reaction.topic, reaction.payload.encode("utf-8"), reaction.qos, reaction.retain)
