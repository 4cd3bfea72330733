"""What an update costs on the network: every byte between an emulated device and the cloud, both ways.

$ python -m benchmarks update_bytes

The device runs the old application and is in session; from the moment it is given the new one until it has kept it,
all TCP payload is counted, HTTP heads and session messages included. Beside it the sizes of what other methods move at
least: the whole image, the blocks of 4 KiB that changed, and what an rsync with blocks of 512 bytes cannot find again.
The application is our iot-sensor, and a C++ program with exceptions and containers (`tests/emulator/firmware`).
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mvsdk import boards
from mvsdk.bundle import Image, ManifestOptions, create, read_image
from tests.board_support.firmware import FULL_LIBRARY, Flavour, link
from tests.cloud.conftest import running_cloud
from tests.e2e.fleet import FleetDevice, uploaded

ROOT = Path(__file__).resolve().parents[1]
BOARD = boards.load()
STREAMS = """
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include "mv_syscalls.h"
static uint8_t log_buffer[4096] __attribute__((aligned(512)));
static bool alarming(double celsius) { return celsius > 30.0; }
int main()
{
    (void)mvServerLoggingInit(log_buffer, sizeof log_buffer);
    std::map<std::string, double> rooms;
    for (unsigned minute = 0;; minute++) {
        rooms[minute % 2 ? "kitchen" : "cellar"] = 20.0 + minute % 15;
        std::ostringstream line;
        for (const auto &[name, celsius] : rooms) {
            line << name << ": " << std::fixed << std::setprecision(1) << celsius << (alarming(celsius) ? "! " : " ");
        }
        std::cout << line.str() << std::endl;
        for (volatile unsigned wait = 0; wait < 1000000u; wait = wait + 1) { }
    }
}
"""
FIXED_BLOCK, RSYNC_BLOCK = 4096, 512
EXTRA = """static int alive;
static int extra(int n)
{
    std::map<int, std::string> names;
    for (int i = 0; i < n; i++) { names[i] = std::to_string(i * n); }
    return (int)names[n / 2].size();
}
"""


def main() -> None:
    """Measure and print."""
    print("\nbytes for an update, TCP payload both ways; in brackets what there is of it in manifest and patch")
    names = ("image", "mvsdk", "of image", "(content)", "4 KiB blocks", "rsync 512")
    print(f"{'':34}" + "".join(f"{name:>14}" for name in names))
    for title, images in applications():
        old, new = images
        wire, content = transferred(old, new)
        print(
            f"{title:34}{len(new.data):14}{wire:14}{wire / len(new.data):14.1%}{content:14}"
            f"{changed_blocks(old.data, new.data):14}{not_found_again(old.data, new.data):14}"
        )


def applications() -> Iterator[tuple[str, tuple[Image, Image]]]:
    """Yield what is changed how, and the images before and after."""
    with tempfile.TemporaryDirectory() as folder:
        sensor = Path(folder) / "iot-sensor"
        shutil.copytree(ROOT / "examples/iot-sensor", sensor, ignore=shutil.ignore_patterns("build"))
        before = built(sensor)
        one_line(sensor / "src/main.c")
        yield "iot-sensor, one line", (before, built(sensor))
    yield (
        "C++ with streams, one line",
        (cplusplus(STREAMS), cplusplus(STREAMS.replace("> 30.0", "> 30.0 || celsius < 2.0"))),
    )
    source = (ROOT / "tests/emulator/firmware/cplusplus.cpp").read_text(encoding="utf-8")
    program = cplusplus(source)
    yield (
        "C++ program, one line",
        (program, cplusplus(source.replace("return side * side;", "return side * side + 0.5;"))),
    )
    more = source.replace("static int alive;", EXTRA)
    more = more.replace("return side * side;", "return side * side + extra(7);")
    yield "C++ program, a function more", (program, cplusplus(more))


def one_line(source: Path) -> None:
    """Fix a line: the first that logs says a word more."""
    text = source.read_text(encoding="utf-8")
    position = text.index('log_line("') + len('log_line("')
    source.write_text(text[:position] + "fixed " + text[position:], encoding="utf-8")


def built(project: Path) -> Image:
    """Build a project and read its image."""
    subprocess.run(["mvsdk", "build", "--release"], cwd=project, check=True, capture_output=True)
    return read_image(next((project / "build").glob("*.elf")), BOARD)


def cplusplus(source: str) -> Image:
    """Compile one C++ file."""
    with tempfile.TemporaryDirectory() as folder:
        flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, "-O2")
        return read_image(link(Path(folder), {"main.cpp": source}, "-std=c++17", flavour=flavour).path, BOARD)


def transferred(old: Image, new: Image) -> tuple[int, int]:
    """Return the bytes on the connection, and those of manifest and patch in them."""
    with tempfile.TemporaryDirectory() as name, running_cloud(Path(name) / "cloud") as cloud:
        before, after = (
            create(image, ManifestOptions(), cloud.developer, region=BOARD.flash.size) for image in (old, new)
        )
        first, second = uploaded(cloud, before, "app-1"), uploaded(cloud, after, "app-2")
        sid = cloud.new_device("device")
        cloud.call("POST", "/mvsdk/v1/UpdatePolicy", data={"TrialSeconds": "1"})
        cloud.call("POST", f"/v1/Devices/{sid}", data={"TargetApp": first})
        with counting(cloud.url) as (url, count):
            device = FleetDevice(Path(name) / "device", url, sid, cloud.developer, before)
            try:
                run_until(device, lambda: device.link.server.target is not None)
                start = count()
                cloud.call("POST", f"/v1/Devices/{sid}", data={"TargetApp": second})
                kept = f"sha256:{hashlib.sha256(manifest_of(after)).hexdigest()}"
                run_until(device, lambda: device.updater.confirmed == kept)
                return count() - start, device.updater.agent.status.fetched
            finally:
                device.link.close()


def manifest_of(bundle: bytes) -> bytes:
    """Return a bundle's manifest."""
    from mvsdk.bundle import UnverifiedBundle

    return UnverifiedBundle.parse(bundle).envelope.raw


def run_until(device: FleetDevice, done: Callable[[], bool]) -> None:
    """Let a device run until something is so."""
    while not done():
        device.turn()


@contextmanager
def counting(url: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """Stand between clients and the server at `url`: yield another address of it, and how many bytes have passed."""
    host, _, port = url.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    passed = [0]

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                passed[0] += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((host, int(port)))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: passed[0]
    finally:
        listener.close()


def changed_blocks(old: bytes, new: bytes) -> int:
    """Return the bytes of the new image's blocks that differ from those at the same place."""
    starts = range(0, len(new), FIXED_BLOCK)
    return sum(
        len(new[start : start + FIXED_BLOCK])
        for start in starts
        if new[start : start + FIXED_BLOCK] != old[start : start + FIXED_BLOCK]
    )


def not_found_again(old: bytes, new: bytes) -> int:
    """Return what rsync sends: bytes of the new image that are in no block of the old one, and 4 for each that is."""
    known = {old[start : start + RSYNC_BLOCK] for start in range(0, len(old), RSYNC_BLOCK)}
    sent, position = 0, 0
    while position < len(new):
        if new[position : position + RSYNC_BLOCK] in known:
            sent, position = sent + 4, position + RSYNC_BLOCK
        else:
            sent, position = sent + 1, position + 1
    return sent


if __name__ == "__main__":
    main()
