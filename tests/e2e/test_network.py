"""Laws of `mvsdk emulate` and the network, with a real program and a real server."""

from __future__ import annotations

import contextlib
import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_emulate import program

STATION = """
#include <stddef.h>
static volatile struct MvNotification ring[8] __attribute__((aligned(8)));
static uint8_t receive[512] __attribute__((aligned(512))), transmit[512] __attribute__((aligned(512)));
void TIM8_BRK_IRQHandler(void) {}
static void pause_ms(unsigned ms) {
    uint64_t start, now;
    (void)mvGetMicroseconds(&start);
    do { (void)mvGetMicroseconds(&now); } while (now - start < (uint64_t)ms * 1000u);
}
int main(void) {
    log_start();
    struct MvNotificationSetup setup = {.irq = 51, .buffer = (struct MvNotification *)ring, .buffer_size = sizeof ring};
    MvNotificationHandle centre = 0;
    (void)mvSetupNotifications(&setup, &centre);
    struct MvRequestNetworkParams wanted = {.version = 1, .v1 = {.notification_handle = centre}};
    MvNetworkHandle network = 0;
    (void)mvRequestNetwork(&wanted, &network);
    static const char endpoint[] = "station";
    struct MvOpenChannelParams params = {.version = 1, .v1 = {
        .notification_handle = centre, .network_handle = network, .receive_buffer = receive,
        .receive_buffer_len = sizeof receive, .send_buffer = transmit, .send_buffer_len = sizeof transmit,
        .channel_type = MV_CHANNELTYPE_OPAQUEBYTES,
        .endpoint = {.data = (const uint8_t *)endpoint, .length = sizeof endpoint - 1}}};
    MvChannelHandle channel = 0;
    if (mvOpenChannel(&params, &channel) != MV_STATUS_OKAY) { log_text("no channel"); for (;;) { pause_ms(1000); } }
    uint32_t space;
    (void)mvWriteChannel(channel, (const uint8_t *)"how warm?", 9, &space);
    for (int tries = 0; tries < 200; tries++) {
        uint8_t *data; uint32_t length;
        enum MvStatus status = mvReadChannel(channel, &data, &length);
        if (status == MV_STATUS_CHANNELCLOSED) { log_text("closed"); break; }
        if (status == MV_STATUS_OKAY && length > 0) {
            (void)mvServerLog(data, (uint16_t)length);
            (void)mvReadChannelComplete(channel, length);
        }
        pause_ms(10);
    }
    for (;;) { pause_ms(1000); }
}
"""


@contextlib.contextmanager
def station() -> Iterator[int]:
    """Answer one client once, and hang up; yield the port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked = connection.recv(100)
            connection.sendall(b"21.5 degrees, you asked " + asked)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


def test_a_run_with_a_real_server_is_had_again_without_it(shell: Shell) -> None:
    """Through an endpoint bytes go there and back; the recording replays to the same state, and is nobody else's."""
    elf = program(shell, STATION)
    with station() as port:
        endpoint = f"station=tcp://127.0.0.1:{port}"
        options = ["--allow-unsigned", "--json", "--for", "5s", "--endpoint", endpoint, "--record", "run.mvrec"]
        recorded = shell.succeed("mvsdk", "emulate", elf, *options)
    texts = [event["text"] for event in map(json.loads, recorded.splitlines()) if event["event"] == "log"]
    assert texts == ["21.5 degrees, you asked how warm?", "closed"]
    replayed = shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--json", "--replay", "run.mvrec")
    assert replayed == recorded
    assert stat.S_IMODE((shell.directory / "run.mvrec").stat().st_mode) == 0o600


def test_a_scripted_peer_takes_a_servers_place(shell: Shell) -> None:
    """The same program and two runs: the same lines at the same microseconds, and no network needed."""
    elf = program(shell, STATION)
    (shell.directory / "peers.toml").write_text('[[stream]]\nendpoint = "station"\nlines = ["20 degrees"]\n')
    options = ["--allow-unsigned", "--json", "--for", "3s", "--peers", "peers.toml"]
    first, second = (shell.succeed("mvsdk", "emulate", elf, *options) for _ in range(2))
    assert first == second
    assert "20 degrees" in first


def test_offline_there_is_no_channel(shell: Shell) -> None:
    """The device is not connected, and the application is told so."""
    elf = program(shell, STATION)
    assert "no channel" in shell.succeed("mvsdk", "emulate", elf, "--allow-unsigned", "--for", "1s", "--offline")


@pytest.mark.parametrize(
    "options",
    [
        ["--offline", "--peers", "FILE"],
        ["--offline", "--link", "good"],
        ["--peers", "FILE", "--authority", "FILE"],
        ["--peers", "FILE", "--endpoint", "a=tcp://b:1"],
        ["--endpoint", "nothing"],
        ["--replay", "FILE", "--link", "good"],
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(blinky: Shell, options: list[str], tmp_path: Path) -> None:
    """Exit status 2, before anything runs."""
    (tmp_path / "file").write_text("")
    given = [str(tmp_path / "file") if option == "FILE" else option for option in options]
    assert blinky("mvsdk", "emulate", *given).returncode == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--link", "fast"], "there is no link 'fast'"),
        (["--link", "missing.toml"], "missing.toml"),
        (["--peers", "missing.toml"], "missing.toml"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--authority", "missing.pem"], "missing.pem"),
        (["--endpoint", "a=udp://b:1"], "'udp://b:1' is no endpoint"),
    ],
)
def test_what_cannot_be_reached_is_told_before_the_application_starts(
    blinky: Shell, options: list[str], told: str
) -> None:
    """The error names the value, and nothing has run."""
    result = blinky("mvsdk", "emulate", "--for", "1s", *options)
    assert result.returncode == 1
    assert told in result.stderr
    assert "application starts" not in result.stdout
