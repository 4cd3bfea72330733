"""HTTP requests per second: an emulated device, one after the other, beside a plain Python client on the same server.

The server is a process of its own, on loopback with TLS. The device opens a channel for each request, and the host a
connection, so the client that does the same is the peer; one that keeps its connection shows what that costs. By its
own clock the device makes eight requests a second, for it may open no more channels; what it waits then takes no time
here.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import requests

from mvsdk import boards
from mvsdk.bundle import read_image
from mvsdk.emulator import recording
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.network.http_peer import HttpPeer
from mvsdk.emulator.network.peers import PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.recording import Recorder
from tests.board_support.firmware import FULL_LIBRARY, Flavour, link
from tests.emulator.network.authority import Authority

REQUESTS, ROUNDS = 200, 3
BODY = b'{"celsius": 21.5}'
BOARD = boards.load()


class Handler(BaseHTTPRequestHandler):
    """Answers every GET alike."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(folder: Path, told: Connection) -> None:
    """Be the server."""
    authority = Authority(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = authority.server_context().wrap_socket(server.socket, server_side=True)
        told.send((server.server_port, str(authority.file)))
        server.serve_forever()


def by_device(url: str, trusted: Path) -> tuple[float, float]:
    """Return the seconds that a device takes, by the clock on the wall, and those of the same run replayed."""
    source = Path(__file__).with_suffix(".c").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, "-O2")
        elf = link(Path(folder), {"main.c": source}, f'-DURL="{url}"', f"-DREQUESTS={REQUESTS}", flavour=flavour)
        image = read_image(elf.path, BOARD)
    device = Device(BOARD, image, new_core())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.mvrec"
        with Recorder(path, device) as recorder, Radio(device, PeersByKind(http=HttpPeer(trusted=trusted))):
            start = time.perf_counter()
            end = device.run(1_000_000_000)
            taken = time.perf_counter() - start
            recorder.ended(end)
        recorded = recording.read(path)
    done, failed = (
        int.from_bytes(device.core.read_memory(elf.symbols[name], 4), "little")
        for name in ("requests_done", "requests_failed")
    )
    if (done, failed) != (REQUESTS, 0):
        raise RuntimeError(f"{done} requests done, {failed} of them failed")
    again = recording.make_device(recorded, BOARD, image, new_core())
    recording.prepare(again, recorded)
    start = time.perf_counter()
    recording.play(again, recorded)  # raises if it ends in another state
    return taken, time.perf_counter() - start


def by_client(url: str, trusted: Path) -> float:
    """Return the seconds that a client with a connection for each request takes."""
    start = time.perf_counter()
    for _ in range(REQUESTS):
        with requests.Session() as session:
            session.trust_env = False
            session.get(url, verify=str(trusted), timeout=10).raise_for_status()
    return time.perf_counter() - start


def by_session(url: str, trusted: Path) -> float:
    """Return the seconds that a client takes which keeps its connection."""
    start = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(REQUESTS):
            session.get(url, verify=str(trusted), timeout=10).raise_for_status()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(Path(name), theirs), daemon=True)
        server.start()
        port, file = ours.recv()
        url, trusted = f"https://localhost:{port}/now", Path(file)
        taken: dict[str, list[float]] = {"device": [], "replay": [], "client": [], "keeping": []}
        for _ in range(ROUNDS):
            for key, seconds in zip(("device", "replay"), by_device(url, trusted), strict=True):
                taken[key].append(seconds)
            taken["client"].append(by_client(url, trusted))
            taken["keeping"].append(by_session(url, trusted))
        server.terminate()
        server.join()
    print(f"\nHTTP over TLS, {REQUESTS} requests one after the other, best of {ROUNDS}")
    titles = {
        "device": "an emulated device, a connection each",
        "replay": "the same run replayed, no network",
        "client": "requests, a connection each",
        "keeping": "requests, one connection",
    }
    for key, title in titles.items():
        print(f"{title:42}{REQUESTS / min(taken[key]):8.0f} /s")


if __name__ == "__main__":
    main()
