"""Devices that show a certificate of the cloud's own authority in place of a token."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from mvsdk.cloud.device_authority import DeviceAuthority
from mvsdk.cloud.errors import CertificateRequestError
from mvsdk.link import DeviceSession
from mvsdk.link.session import Connected, Disconnected
from tests.cloud.conftest import RunningCloud
from tests.cloud.test_server_process import mvsdk, server_certificate, started
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
