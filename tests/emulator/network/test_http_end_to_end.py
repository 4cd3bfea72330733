"""HTTP from a system call to a real server and back: device, radio, host, TLS."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Input
from mvsdk.emulator.network.config_file import ConfigFile
from mvsdk.emulator.network.http_peer import HttpPeer
from mvsdk.emulator.network.peers import PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.testing import ScriptedCore, Sleep
from tests.emulator.network.authority import Authority
from tests.emulator.network.raw_server import RawServer, Received, response, says
from tests.emulator.personality.exchanging import DATA, config_call, http_call
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, Guest, call, word, words
from tests.emulator.personality.networked import (
    CHANNEL,
    IRQ,
    OUT,
    PARAMS,
    channel_call,
    must,
    online,
    records,
)

PATIENCE_US = 60_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the host trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


def announced(core: ScriptedCore, count: int) -> Guest:
    """Sleep until so many records have come."""
    while len(records(core)) < count:
        yield Sleep()
        core.pending.discard(IRQ)


def response_of(core: ScriptedCore, found: list[tuple[int, list[bytes], bytes]]) -> Guest:
    """Read a whole response."""
    handle = word(core, CHANNEL)
    yield from must(call("mvReadHttpResponseData", handle, OUT))
    values = ABI.structs["MvHttpResponseData"].unpack(core.read_memory(OUT, 16))
    assert values["result"] == 0
    headers = []
    for index in range(values["num_headers"]):
        core.write_memory(DATA, bytes(256))
        yield from must(call("mvReadHttpResponseHeader", handle, index, DATA, 255))
        headers.append(core.read_memory(DATA, 256).rstrip(b"\0"))
    yield from must(call("mvReadHttpResponseBody", handle, 0, DATA, values["body_length"]))
    found.append((values["status_code"], headers, core.read_memory(DATA, values["body_length"])))


def test_an_application_gets_and_posts(authority: Authority) -> None:
    """Two requests, one after the other: what the server hears is what the application wrote, and the reverse."""
    found: list[tuple[int, list[bytes], bytes]] = []

    def script(connection: socket.socket, received: Received) -> None:
        body = b"you said: " + received.body
        answer = response(body, b"Content-Type: text/plain", b"X-Method: " + received.lines[0].partition(b" ")[0])
        says(answer)(connection, received)

    with RawServer(script, authority.server_context()) as server:

        def guest(core: ScriptedCore) -> Guest:
            yield from online(core, "HTTP", receive_size=2048, send_size=2048)
            yield from must(http_call(core, b"GET", server.url + b"/now?zone=utc", [b"Accept: text/plain"]))
            yield from announced(core, 1)
            yield from response_of(core, found)
            yield from must(call("mvCloseChannel", CHANNEL))
            yield from must(channel_call(core, "HTTP", receive_size=2048, send_size=2048))
            headers = [b"Content-Type: application/json", b"Authorization: Bearer sesame"]
            yield from must(http_call(core, b"POST", server.url + b"/in", headers, b'{"celsius": 21.5}'))
            yield from announced(core, 2)
            yield from response_of(core, found)
            yield from must(call("mvCloseChannel", CHANNEL))

        device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
        with Radio(device, PeersByKind(http=HttpPeer(trusted=authority.file))):
            device.run(PATIENCE_US)
    get, post = server.requests
    assert (get.lines[0], get.header("Accept"), get.body) == (b"GET /now?zone=utc HTTP/1.1", b"text/plain", b"")
    assert post.lines[0] == b"POST /in HTTP/1.1"
    assert (post.header("Content-Type"), post.header("Authorization")) == (b"application/json", b"Bearer sesame")
    assert post.body == b'{"celsius": 21.5}'
    assert found == [
        (200, [b"Content-Type: text/plain", b"X-Method: GET", b"Content-Length: 10"], b"you said: "),
        (
            200,
            [b"Content-Type: text/plain", b"X-Method: POST", b"Content-Length: 27"],
            b'you said: {"celsius": 21.5}',
        ),
    ]


def test_an_application_uses_a_secret_it_has_fetched(authority: Authority, tmp_path: Path) -> None:
    """A value from a file of config and secrets goes out in a header of the next request."""
    values = tmp_path / "values.toml"
    values.write_text('[device.secret]\napi-key = "sesame"\n', encoding="utf-8")
    with RawServer(says(response(b"hello")), authority.server_context()) as server:

        def guest(core: ScriptedCore) -> Guest:
            yield from online(core, "CONFIGFETCH")
            yield from must(config_call(core, [(1, 0, b"api-key")]))
            yield from announced(core, 1)
            core.write_memory(PARAMS, words(0, OUT, DATA, 64, OUT + 4))
            yield from must(call("mvReadConfigResponseItem", word(core, CHANNEL), PARAMS))
            key = core.read_memory(DATA, word(core, OUT + 4))
            yield from must(call("mvCloseChannel", CHANNEL))
            yield from must(channel_call(core, "HTTP"))
            yield from must(http_call(core, b"GET", server.url, [b"X-Api-Key: " + key]))
            yield from announced(core, 2)

        device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
        peers = PeersByKind(http=HttpPeer(trusted=authority.file), config=ConfigFile(values))
        with Radio(device, peers):
            device.run(PATIENCE_US)
    assert server.requests[0].header("X-Api-Key") == b"sesame"


def test_the_same_run_can_be_had_without_a_network(authority: Authority) -> None:
    """What arrived, given to another device at the same cycles, makes it the same device to the last bit."""
    found: list[tuple[int, list[bytes], bytes]] = []
    arrivals: list[tuple[int, Input]] = []
    hashes = []
    with RawServer(says(response(b"hello")), authority.server_context()) as server:

        def guest(core: ScriptedCore) -> Guest:
            yield from online(core, "HTTP")
            yield from must(http_call(core, b"GET", server.url))
            yield from announced(core, 1)
            yield from response_of(core, found)
            yield from must(call("mvCloseChannel", CHANNEL))

        device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
        device.inputs.recorder = lambda cycle, what: arrivals.append((cycle, what))
        with Radio(device, PeersByKind(http=HttpPeer(trusted=authority.file))):
            device.run(PATIENCE_US)
            hashes.append(device.state_hash())
        again = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
        for cycle, what in arrivals:
            again.inputs.wait(cycle, what)
        again.run(PATIENCE_US)
        hashes.append(again.state_hash())
    assert len(server.requests) == 1
    assert found == [(200, [b"Content-Length: 5"], b"hello")] * 2
    assert hashes[0] == hashes[1]
