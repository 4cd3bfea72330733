"""The local cloud beside a bare Starlette + SQLite handler, both as processes, with the load from a third one.

Polls are GET of one device of 100 000, with authentication; lines go in over device sessions and out to ten followers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from mvsdk.cloud import identifiers, passwords
from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.link import messages
from mvsdk.link.session import PATH

DEVICES = 100_000
CONNECTIONS = 32
POLL_SECONDS, TURNS = 2.0, 4
LINES, FOLLOWERS = 50_000, 10
IDLE_SESSIONS = 500
TOKEN = "0" * 64
BARE = """
import sqlite3, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
database = sqlite3.connect(sys.argv[1], check_same_thread=False)
async def device(request):
    row = database.execute("SELECT sid, unique_name, target_sid FROM devices WHERE sid = ?",
                           (request.path_params["sid"],)).fetchone()
    return JSONResponse({"sid": row[0], "unique_name": row[1], "target_sid": row[2]})
app = Starlette(routes=[Route("/v1/Devices/{sid}", device)])
uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False, http="h11", loop="asyncio")
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "cloud"
        sids, authorization = prepare(data)
        with cloud(data) as (url, pid, started):
            with bare(data / "cloud.sqlite") as peers_url:
                # In turns, and the best of each, so that a slow moment of the machine meets both.
                pairs = [
                    [asyncio.run(polls(one, sids, authorization)) for one in (url, peers_url)] for _ in range(TURNS)
                ]
            ours, peer = (max(pair[index] for pair in pairs) for index in (0, 1))
            lines = asyncio.run(ingest(url, sids[0], authorization))
            each = asyncio.run(idle(url, pid, sids[1 : IDLE_SESSIONS + 1]))
    print(f"\nthe local cloud, {DEVICES} devices")
    print(f"{'start to listening':40}{started * 1000:8.0f} ms")
    for title, (rate, p99) in {"polls, authenticated": ours, "polls, bare Starlette + SQLite": peer}.items():
        print(f"{title:40}{rate:8.0f} /s, p99 {p99 * 1000:.1f} ms")
    print(f"{'ratio':40}{ours[0] / peer[0]:8.2f}")
    print(f"{f'lines in, stored, out to {FOLLOWERS} followers':40}{lines:8.0f} /s")
    print(f"{'idle device sessions':40}{2**30 / each:8.0f} per GiB")


def prepare(data: Path) -> tuple[list[str], str]:
    """Make a cloud with many devices; return their SIDs, and the header that logs in."""
    with cloud(data):
        pass
    account, token = DataDirectory(data).credentials()
    sids = [identifiers.new_sid(identifiers.DEVICE) for _ in range(DEVICES)]
    digest = passwords.digest(TOKEN)
    with sqlite3.connect(data / "cloud.sqlite") as database:
        database.executemany(
            "INSERT INTO devices (sid, account_sid, unique_name, token, created_us, updated_us)"
            " VALUES (?, ?, ?, ?, 0, 0)",
            [(sid, account, f"device-{number}", digest) for number, sid in enumerate(sids)],
        )
    database.close()
    return sids, "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()


@contextmanager
def cloud(data: Path) -> Iterator[tuple[str, int, float]]:
    """Run a cloud; yield its URL, its process and the seconds it took to listen."""
    start = time.perf_counter()
    program = "from mvsdk_cli.main import main; main()"
    command = [sys.executable, "-c", program, "cloud", "start", "--data", str(data), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline() if process.stdout else "")["url"]
        try:
            yield url, process.pid, time.perf_counter() - start
        finally:
            process.terminate()


@contextmanager
def bare(database: Path) -> Iterator[str]:
    """Run the peer on the same database."""
    port = 20_000 + os.getpid() % 20_000
    with subprocess.Popen([sys.executable, "-c", BARE, str(database), str(port)]) as process:
        try:
            while subprocess.run(
                ["bash", "-c", f"</dev/tcp/127.0.0.1/{port}"], capture_output=True, check=False
            ).returncode:
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def polls(url: str, sids: list[str], authorization: str) -> tuple[float, float]:
    """Return answered polls per second, and the 99th percentile of their times in seconds."""
    host, _, port = url.removeprefix("http://").partition(":")
    times: list[float] = []
    deadline = time.perf_counter() + POLL_SECONDS

    async def poll(worker: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number = worker
        while (begun := time.perf_counter()) < deadline:
            number = (number + 7919) % len(sids)
            head = f"GET /v1/Devices/{sids[number]} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(poll(worker) for worker in range(CONNECTIONS)))
    return len(times) / POLL_SECONDS, statistics.quantiles(times, n=100)[98]


async def ingest(url: str, sid: str, authorization: str) -> float:
    """Return lines per second from one device until the last of all followers has the last line."""
    host, _, port = url.removeprefix("http://").partition(":")

    async def follow() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
        path = f"/mvsdk/v1/Devices/{sid}/Logs?Follow=true"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n".encode())
        last = f"id: {LINES}\n".encode()
        tail = b""
        while last not in tail:
            tail = tail[-64:] + await reader.read(2**16)
        writer.close()

    followers = [asyncio.ensure_future(follow()) for _ in range(FOLLOWERS)]
    start = time.perf_counter()
    async with session(url, sid) as connection:
        for first in range(1, LINES + 1, messages.RECORDS_MOST):
            count = min(messages.RECORDS_MOST, LINES + 1 - first)
            records: list[messages.Record] = [
                messages.LogRecord(time_us=first + index, text=f"temperature {first + index} millikelvin")
                for index in range(count)
            ]
            await connection.send(messages.encode(messages.Records(first=first, records=records)).decode())
        while True:
            message = messages.decode_down(await connection.recv())
            if isinstance(message, messages.Acknowledged) and message.up_to == LINES:
                break
        await asyncio.gather(*followers)
    return LINES / (time.perf_counter() - start)


async def idle(url: str, pid: int, sids: list[str]) -> float:
    """Return the bytes that one session that says nothing takes in the server."""
    before = resident(pid)
    async with contextlib.AsyncExitStack() as sessions:
        for sid in sids:
            await sessions.enter_async_context(session(url, sid))
        return max(1.0, (resident(pid) - before) / len(sids))


@contextlib.asynccontextmanager
async def session(url: str, sid: str) -> AsyncIterator[ClientConnection]:
    """Begin a device session."""
    headers = {"Authorization": f"Bearer {sid}:{TOKEN}"}
    async with connect(
        url.replace("http", "ws", 1) + PATH, additional_headers=headers, compression=None, proxy=None
    ) as c:
        hello = messages.Hello(protocol=messages.PROTOCOL, boot=secrets.token_hex(8), software="benchmark")
        await c.send(messages.encode(hello).decode())
        messages.decode_welcome(await c.recv())
        yield c


def resident(pid: int) -> int:
    """Return the resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
