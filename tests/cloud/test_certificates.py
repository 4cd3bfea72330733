"""Devices that show a certificate of the cloud's own authority in place of a token."""

from __future__ import annotations

import json
import ssl
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from mvsdk.bundle import ManifestOptions, create
from mvsdk.cloud.device_authority import DeviceAuthority
from mvsdk.cloud.errors import CertificateRequestError
from mvsdk.emulator.cloud_identity import CloudIdentity
from mvsdk.emulator.errors import CloudIdentityError
from mvsdk.keys import SigningKey
from mvsdk.link import DeviceSession
from mvsdk.link.session import Connected, Disconnected
from tests.cloud.conftest import RunningCloud
from tests.cloud.test_downloads import firmware
from tests.cloud.test_server_process import PROGRAM, mvsdk, server_certificate, started
from tests.cloud.test_sessions import SomeDevice

SID = "UV" + "0" * 32


def request(folder: Path, *key: str) -> tuple[Path, str]:
    """Return a new private key, and the request that openssl makes for it."""
    folder.mkdir(exist_ok=True)
    options = key or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    command = ["openssl", "req", "-new", *options, "-nodes", "-subj", "/CN=me", "-keyout", str(folder / "key.pem")]
    return folder / "key.pem", subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_device_shows_its_certificate(home: dict[str, str], tmp_path: Path) -> None:
    """Sessions and downloads begin with a certificate and no token; of one device the latest counts."""
    server, options = server_certificate(tmp_path)
    with started(home, *options) as (_, about):
        url, auth = about["url"], (about["account_sid"], about["auth_token"])

        trusting = {**home, "REQUESTS_CA_BUNDLE": str(server)}

        def certified(name: str) -> ssl.SSLContext:
            key, text = request(tmp_path / name)
            chain = tmp_path / name / "certificate.pem"
            (tmp_path / name / "request.pem").write_text(text)
            issued = mvsdk(trusting, "device", "certificate", sid, str(tmp_path / name / "request.pem"))
            assert issued.returncode == 0, issued.stderr
            chain.write_text(issued.stdout)
            context = ssl.create_default_context(cafile=server)
            context.load_cert_chain(chain, key)
            return context

        sid = requests.post(url + "/mvsdk/v1/Devices", auth=auth, verify=str(server), timeout=30).json()["sid"]
        first = certified("first")
        assert begins(url, sid, first) == sid
        second = certified("second")
        assert isinstance(begins(url, sid, first), Disconnected)
        assert begins(url, sid, second) == sid
        shown = str(tmp_path / "second" / "certificate.pem"), str(tmp_path / "second" / "key.pem")
        asked = requests.get(f"{url}/mvsdk/v1/downloads/layers/{'0' * 64}", cert=shown, verify=str(server), timeout=30)
        assert asked.status_code == 404  # known, and told that it has no such layer
        stranger = ssl.create_default_context(cafile=server)
        assert isinstance(begins(url, sid, stranger), Disconnected)
        stranger.load_cert_chain(server, tmp_path / "key.pem")  # of another authority: its own
        assert isinstance(begins(url, sid, stranger), Disconnected)


def begins(url: str, sid: str, tls: ssl.SSLContext) -> str | Disconnected:
    """Return as whom a session without a token begins, or why it does not."""
    device = SomeDevice()
    session = DeviceSession(url, sid, None, device.outbox, device.hello, device.hear, lambda failures: 0.01, tls=tls)
    heard = device.heard.get(timeout=30)
    session.close(0)
    if isinstance(heard, Connected):
        return heard.welcome.device_sid
    assert isinstance(heard, Disconnected)
    return heard


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:200] + "A" + text[201:],
        lambda text: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ],
)
def test_what_is_no_request_is_refused(cloud: RunningCloud, tmp_path: Path, spoil: Callable[[str], str]) -> None:
    """A request that is damaged, or none, is told so, and the device has no certificate."""
    sid = cloud.new_device()
    spoilt = spoil(request(tmp_path / "device")[1])
    refused = cloud.call("POST", f"/mvsdk/v1/Devices/{sid}/Certificate", data={"Request": spoilt})
    assert refused.status_code == 400
    assert cloud.rows("SELECT certificate FROM devices") == [{"certificate": None}]


def test_an_authority_signs_what_it_can_stand_for(tmp_path: Path) -> None:
    """It stays the same over openings, names the device whatever the request says, and refuses weak keys."""
    authority = DeviceAuthority(tmp_path / "authority")
    pem, fingerprint = authority.issue(request(tmp_path / "device")[1].encode(), SID)
    assert len(fingerprint) == 32
    (tmp_path / "device.pem").write_text(pem)
    again = DeviceAuthority(tmp_path / "authority")
    check = ["openssl", "verify", "-purpose", "sslclient", "-CAfile", str(again.certificate_file), "device.pem"]
    subprocess.run(check, cwd=tmp_path, check=True, capture_output=True)
    show = ["openssl", "x509", "-noout", "-subject", "-in", "device.pem"]
    assert SID in subprocess.run(show, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    with pytest.raises(CertificateRequestError):
        again.issue(request(tmp_path / "weak", "-newkey", "rsa:1024")[1].encode(), SID)
    assert (tmp_path / "authority" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_device_is_made_with_a_certificate(home: dict[str, str], tmp_path: Path) -> None:
    """`device create --certificate` makes a device that runs in session with its cloud, and downloads, without a token;
    what it verifies the cloud against is in its folder."""
    server, options = server_certificate(tmp_path)
    trusting = {**home, "REQUESTS_CA_BUNDLE": str(server), "MVSDK_DEVICES": str(tmp_path / "devices")}
    bundle = tmp_path / "app.zip"
    signer = SigningKey.generate()
    public = tmp_path / "signer.pem"
    public.write_bytes(signer.public.to_pem())
    bundle.write_bytes(create(firmware(), ManifestOptions(), signer))
    with started(home, *options) as (_, about):
        made = mvsdk(trusting, "device", "create", "kitchen", "--certificate", "--json")
        assert made.returncode == 0, made.stderr
        assert "token" not in json.loads(made.stdout)
        folder = Path(json.loads(made.stdout)["folder"])
        assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
        identity = CloudIdentity.read(folder)
        assert identity.token is None
        where = urlsplit(about["url"])
        context = identity.tls(folder)
        with closing(HTTPSConnection(where.hostname or "", where.port, context=context, timeout=30)) as connection:
            path = f"/mvsdk/v1/downloads/layers/{'0' * 64}"
            connection.request("GET", path, headers=identity.headers)
            assert connection.getresponse().status == 404  # known, and told that it has no such layer
        run = [
            *PROGRAM,
            "emulate",
            "--device",
            "kitchen",
            "--cloud",
            "--for",
            "1h",
            "--trust",
            str(public),
            str(bundle),
        ]
        alone = {name: value for name, value in trusting.items() if name != "REQUESTS_CA_BUNDLE"}
        with subprocess.Popen(run, env=alone, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as device:
            assert device.stderr is not None
            assert any(f"connected to {about['url']}" in line for line in device.stderr)
            device.terminate()


def test_a_device_of_this_machine_gets_another_certificate(home: dict[str, str], tmp_path: Path) -> None:
    """One that had a token shows a certificate from then on; the next certificate ends the one before."""
    server, options = server_certificate(tmp_path)
    trusting = {**home, "REQUESTS_CA_BUNDLE": str(server), "MVSDK_DEVICES": str(tmp_path / "devices")}
    folder = tmp_path / "devices" / "kitchen"
    with started(home, *options) as (_, about):
        assert mvsdk(trusting, "device", "create", "kitchen").returncode == 0
        before = CloudIdentity.read(folder)
        replace(before, commands_done=3).write(folder)
        contexts = []
        for _number in range(2):
            done = mvsdk(trusting, "device", "certificate", "kitchen")
            assert done.returncode == 0, done.stderr
            identity = CloudIdentity.read(folder)
            assert (identity.device, identity.token, identity.commands_done) == (before.device, None, 3)
            contexts.append(identity.tls(folder))
        first, second = contexts
        assert first is not None
        assert second is not None
        assert isinstance(begins(about["url"], identity.device, first), Disconnected)
        assert begins(about["url"], identity.device, second) == identity.device
        assert "belongs to no cloud" in mvsdk(trusting, "device", "certificate", "nobody").stderr


def test_an_export_has_certificates_too(home: dict[str, str], tmp_path: Path) -> None:
    """Each device has its own key and certificate beside its file, which only a cloud with TLS signs."""
    server, options = server_certificate(tmp_path)
    command = ("device", "create", "oven", "--count", "2", "--certificate", "--export", str(tmp_path / "export"))
    with started(home):
        refused = mvsdk(home, *command)
        assert (refused.returncode, "--tls-certificate" in refused.stderr) == (1, True)
    with started(home, *options):
        made = mvsdk({**home, "REQUESTS_CA_BUNDLE": str(server)}, *command)
        assert made.returncode == 0, made.stderr
    names = sorted(file.name for file in (tmp_path / "export").iterdir())
    own = [f"oven-{number}.{kind}" for number in (1, 2) for kind in ("certificate.pem", "json", "key.pem")]
    assert names == ["cloud-ca.pem", *own]
    identities = [json.loads((tmp_path / "export" / f"oven-{number}.json").read_bytes()) for number in (1, 2)]
    assert [one["key"] for one in identities] == ["oven-1.key.pem", "oven-2.key.pem"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "no token"),
        ({"certificate": "c.pem", "key": "k.pem", "url": "http://x"}, "no token"),
        ({"token": "t", "certificate": "c.pem"}, "without its key"),
        ({"token": "t", "authority": "../ca.pem"}, "outside"),
        ({"token": 3}, "another kind"),
        ({"token": "t", "further": 1}, "cannot be read"),
    ],
)
def test_a_spoilt_identity_is_told(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    """What names no device, or files elsewhere, is an error that says what to do; so are files that are missing."""
    (tmp_path / "cloud.json").write_text(json.dumps({"url": "https://x", "device": SID, **fields}))
    with pytest.raises(CloudIdentityError, match=words):
        CloudIdentity.read(tmp_path)
    with pytest.raises(CloudIdentityError, match=r"c\.pem"):
        CloudIdentity("https://x", SID, certificate="c.pem", key="k.pem").tls(tmp_path)
