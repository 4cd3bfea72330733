"""The server as a process: how it starts, stops, is killed, and keeps others out."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.link import LogRecord
from mvsdk.link.session import Disconnected
from tests.bundle.samples import VECTORS
from tests.cloud.test_sessions import SomeDevice

UNSIGNED = create(VECTORS, ManifestOptions(), None)
LARGE = create(Image(VECTORS.data * 1400), ManifestOptions(), None)
PROGRAM = [sys.executable, "-c", "from mvsdk_cli.main import main; main()"]


@contextmanager
def started(home: Mapping[str, str], *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a server; yield its process, and what it said when it listened."""
    command = [*PROGRAM, "cloud", "start", "--port", "0", "--json", *options]
    with subprocess.Popen(command, env=home, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def mvsdk(home: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*PROGRAM, *arguments], env=home, capture_output=True, text=True, check=False, timeout=60)


def test_the_credentials_are_shown_once_and_kept_private(home: dict[str, str]) -> None:
    """The first start tells the new account's token; the file with it, and the key of the secrets, are the owner's."""
    with started(home) as (_, first):
        answer = requests.get(first["url"] + "/v1/Apps", auth=(first["account_sid"], first["auth_token"]), timeout=30)
        assert answer.ok
    with started(home) as (_, second):
        assert second["auth_token"] is None
        document = json.loads(mvsdk(home, "cloud", "status", "--json", "--show-credentials").stdout)
        assert (document["url"], document["auth_token"]) == (second["url"], first["auth_token"])
    for name in ("credentials.json", "master.key"):
        assert stat.S_IMODE((Path(home["MVSDK_CLOUD_DATA"]) / name).stat().st_mode) == 0o600


def test_no_acknowledged_write_is_lost_when_the_server_is_killed(home: dict[str, str]) -> None:
    """Killed under load, the server has on its next start everything that it had acknowledged."""
    acknowledged: list[str] = []
    with started(home) as (process, about):
        auth = about["account_sid"], about["auth_token"]

        def write(worker: int) -> None:
            with requests.Session() as session:
                for number in range(1_000_000):
                    key = f"{worker}-{number}"
                    try:
                        answer = session.post(
                            about["url"] + "/v1/Configs", auth=auth, data={"Key": key, "Value": "x"}, timeout=30
                        )
                    except requests.RequestException:
                        return
                    if answer.status_code == 201:
                        acknowledged.append(key)

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        while len(acknowledged) < 200:
            assert any(worker.is_alive() for worker in workers)
        process.kill()
        for worker in workers:
            worker.join()
    with started(home):
        listed = json.loads(mvsdk(home, "config", "list", "--json").stdout)
    assert set(acknowledged) <= {entry["key"] for entry in listed}


def test_a_second_server_on_the_same_data_is_refused(home: dict[str, str]) -> None:
    """The refusal names the process that works there, and nothing of it is disturbed."""
    with started(home) as (process, about):
        refused = mvsdk(home, "cloud", "start", "--port", "0")
        assert refused.returncode == 1
        assert str(process.pid) in refused.stderr
        assert requests.get(about["url"] + "/v1/Apps", timeout=30).status_code == 401


def test_a_port_in_use_is_told_with_its_owner(home: dict[str, str]) -> None:
    """Who listens on the port already is named, as far as the system tells."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = mvsdk(home, "cloud", "start", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    if Path("/proc/net/tcp").exists():
        assert f"process {os.getpid()}" in refused.stderr


def test_a_detached_server_lives_until_it_is_stopped(home: dict[str, str]) -> None:
    """`start --detach` comes back with a server that listens; `stop` ends it; its log holds no credentials."""
    begun = json.loads(mvsdk(home, "cloud", "start", "--detach", "--port", "0", "--json").stdout)
    try:
        assert requests.get(begun["url"] + "/v1/Apps", timeout=30).status_code == 401
    finally:
        stopped = mvsdk(home, "cloud", "stop", "--json")
    assert json.loads(stopped.stdout) == {"stopped": begun["url"]}
    with pytest.raises(requests.ConnectionError):
        requests.get(begun["url"], timeout=30)
    assert mvsdk(home, "cloud", "stop").returncode == 1
    assert begun["auth_token"] not in (Path(home["MVSDK_CLOUD_DATA"]) / "server.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_told_to_stop_ends_well(home: dict[str, str], number: signal.Signals) -> None:
    """Both signals end the server with status 0 and leave nothing that looks like a running one."""
    with started(home) as (process, _):
        process.send_signal(number)
        assert process.wait(30) == 0
    assert not (Path(home["MVSDK_CLOUD_DATA"]) / "server.json").exists()


def server_certificate(folder: Path) -> tuple[Path, list[str]]:
    """Make a certificate for this machine; return it, and the options that let a server use it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, ["--tls-certificate", str(certificate), "--tls-key", str(key)]


def test_other_machines_are_served_only_with_tls(home: dict[str, str], tmp_path: Path) -> None:
    """An address that others can reach needs a certificate; with one, what is spoken is TLS."""
    refused = mvsdk(home, "cloud", "start", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused
    assert refused.returncode == 1
    assert "certificate" in refused.stderr
    certificate, options = server_certificate(tmp_path)
    with started(home, "--host", "0.0.0.0", *options) as (_, about):  # noqa: S104 - with TLS
        port = int(about["url"].rpartition(":")[2])
        context = ssl.create_default_context(cafile=certificate)
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as encrypted,
        ):
            encrypted.sendall(b"GET /v1/Apps HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert encrypted.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, b"GET /" + b"y" * 100_000])
def test_a_head_without_end_is_cut(home: dict[str, str], head: bytes) -> None:
    """A request whose head grows beyond 64 KiB loses its connection, and others are served on."""
    with started(home) as (_, about):
        port = int(about["url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client, suppress(ConnectionError):
            client.sendall(head)
            assert client.recv(1) == b""
        assert requests.get(about["url"] + "/v1/Apps", timeout=30).status_code == 401


def test_a_full_disk_is_told_and_harms_nothing(home: dict[str, str]) -> None:
    """When nothing more can be written, writing gets a 507 and reading goes on; afterwards all is as before."""
    with started(home) as (process, about):
        auth = about["account_sid"], about["auth_token"]
        configs = about["url"] + "/v1/Configs"

        def write(number: int) -> int:
            data = {"Key": f"key-{number}", "Value": "x" * 4000}
            return requests.post(configs, auth=auth, data=data, timeout=30).status_code

        made = requests.post(about["url"] + "/mvsdk/v1/Devices", auth=auth, timeout=30).json()
        statuses = [write(number) for number in range(20)]
        files = list(Path(home["MVSDK_CLOUD_DATA"]).glob("cloud.sqlite*"))
        full = max(path.stat().st_size for path in files)
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (full, before[1]))
        while (status := write(len(statuses))) == 201:
            statuses.append(status)
        assert status == 507
        app = requests.post(about["url"] + "/v1/Apps", auth=auth, files={"File": ("a.zip", LARGE)}, timeout=30)
        assert app.status_code == 507
        told = SomeDevice()
        session = told.connect(about["url"], made["sid"], made["token"])
        for number in range(20):
            told.outbox.add(LogRecord(time_us=number, text=f"{number} " + "x" * 4000))
        session.records_added()
        end = told.next(Disconnected)
        assert isinstance(end, Disconnected)
        assert not end.final
        listed = requests.get(configs + "?PageSize=1000", auth=auth, timeout=30).json()["configs"]
        assert {entry["key"] for entry in listed} == {f"key-{number}" for number in range(len(statuses))}
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        session.close(60)  # with room again, the device loses nothing and the server needs no restart
        logs = requests.get(f"{about['url']}/mvsdk/v1/Devices/{made['sid']}/Logs", auth=auth, timeout=30).json()[
            "records"
        ]
        assert [record["text"].partition(" ")[0] for record in logs] == [str(number) for number in range(20)]
        assert write(len(statuses)) == 201
        statuses.append(201)
        audit = requests.get(about["url"] + "/mvsdk/v1/Audit?Verify=true", auth=auth, timeout=60).json()
        assert audit["first_broken"] is None
    with started(home):
        kept = json.loads(mvsdk(home, "config", "list", "--json").stdout)
    assert len(kept) == len(statuses)


def test_a_foreign_process_is_never_stopped(home: dict[str, str]) -> None:
    """What a killed server left behind names a process that may be anybody's by now: no cloud runs."""
    with started(home) as (process, _):
        process.kill()
    data = Path(home["MVSDK_CLOUD_DATA"])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        about = json.loads((data / "server.json").read_bytes())
        (data / "server.json").write_text(json.dumps({**about, "pid": stranger.pid}))
        (data / "server.lock").write_text(str(stranger.pid))
        for command in ("stop", "status"):
            refused = mvsdk(home, "cloud", command)
            assert refused.returncode == 1
            assert "no cloud runs" in refused.stderr
        assert stranger.poll() is None
        stranger.kill()
    with started(home):
        assert mvsdk(home, "cloud", "status").returncode == 0


def test_whoever_has_stopped_a_cloud_may_start_it(home: dict[str, str]) -> None:
    """`stop` comes back when the folder is free, so that the next server is not refused."""
    for _ in range(3):
        assert mvsdk(home, "cloud", "start", "--detach", "--port", "0").returncode == 0
        assert mvsdk(home, "cloud", "stop").returncode == 0


def test_no_proxy_stands_between_a_machine_and_itself(home: dict[str, str]) -> None:
    """Whatever proxies the environment names, the cloud of this machine is reached directly."""
    with started(home):
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        environment = {**home, **proxies, "no_proxy": "", "NO_PROXY": ""}
        assert mvsdk(environment, "config", "list").returncode == 0


def test_a_device_is_made_here_and_there_or_nowhere(home: dict[str, str], tmp_path: Path) -> None:
    """Where the folder is taken or cannot be made, or the name is none, the cloud gets no device, and the other way."""
    environment = {**home, "MVSDK_DEVICES": str(tmp_path / "devices")}
    with started(home):
        (tmp_path / "devices" / "bath").mkdir(parents=True)
        blocked = {**home, "MVSDK_DEVICES": str(tmp_path / "cloud" / "cloud.json")}
        for variables, name in (
            (environment, "bath"),
            (environment, "x" * 122),
            (environment, "€" * 121),  # too long for a file's name
            (environment, "UV" + "0" * 32),
            (environment, "a/b"),
            (blocked, "hall"),
        ):
            refused = mvsdk(variables, "device", "create", name)
            assert refused.returncode in {1, 2}, name
            assert "Traceback" not in refused.stderr
        assert json.loads(mvsdk(home, "device", "list", "--json").stdout) == []
        made = json.loads(mvsdk(environment, "device", "create", "kitchen", "--json").stdout)
        assert stat.S_IMODE(Path(made["folder"]).stat().st_mode) == 0o700
        unnamed = json.loads(mvsdk(environment, "device", "create", "--json").stdout)
        assert Path(unnamed["folder"]).name == unnamed["sid"]
        elsewhere = tmp_path / "elsewhere"
        assert mvsdk({**home, "MVSDK_DEVICES": str(elsewhere)}, "device", "create", "kitchen").returncode == 1
        assert list(elsewhere.iterdir()) == []
        assert sorted(path.name for path in (tmp_path / "devices").iterdir()) == sorted(
            ["bath", "kitchen", unnamed["sid"]]
        )


def test_deploy_needs_no_device_where_there_is_only_one(home: dict[str, str], tmp_path: Path) -> None:
    """The only device is meant, or the one MV_DEVICE_SID names; where there are none or several, that is told."""
    bundle = tmp_path / "app.zip"
    bundle.write_bytes(UNSIGNED)
    deploy = ("deploy", str(bundle), "--no-wait", "--json")
    environment = {**home, "MVSDK_DEVICES": str(tmp_path / "devices")}
    with started(home):
        assert "no device" in mvsdk(home, *deploy).stderr
        mvsdk(environment, "device", "create", "kitchen")
        assert json.loads(mvsdk(home, *deploy).stdout)["devices"][0]["unique_name"] == "kitchen"
        bath = json.loads(mvsdk(environment, "device", "create", "bath", "--json").stdout)["sid"]
        refused = mvsdk(home, *deploy)
        assert refused.returncode == 1
        assert "kitchen" in refused.stderr
        assert json.loads(mvsdk({**home, "MV_DEVICE_SID": bath}, *deploy).stdout)["devices"][0]["sid"] == bath
