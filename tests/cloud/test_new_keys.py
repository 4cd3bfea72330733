"""Changes of the keys that devices trust, on their way through the cloud."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from mvsdk.bundle import NewKeys, endorse_new_keys
from mvsdk.bundle.manifest import Envelope
from mvsdk.bundle.new_keys import NEW_KEYS_PREFIX
from mvsdk.keys import SigningKey
from mvsdk.link import NewKeysAvailable
from mvsdk.link.session import Connected
from mvsdk.update import KeySet
from tests.cloud.conftest import TOKEN, RunningCloud
from tests.cloud.test_server_process import mvsdk, started
from tests.cloud.test_sessions import SomeDevice
from tests.keys.samples import key_of

OLD, NEW, OTHER = key_of(31), key_of(32), key_of(33)


def send(cloud: RunningCloud, message: bytes) -> requests.Response:
    """Upload a message."""
    data = {"Message": base64.b64encode(message).decode()}
    return cloud.call("POST", "/mvsdk/v1/NewKeys", data=data)


def fetched(cloud: RunningCloud, device: str, number: object) -> requests.Response:
    """Download a message as a device."""
    headers = {"Authorization": f"Bearer {device}:{TOKEN}"}
    return requests.get(f"{cloud.url}/mvsdk/v1/downloads/new-keys/{number}", headers=headers, timeout=30)


def test_a_change_of_keys_reaches_devices(cloud: RunningCloud) -> None:
    """A session is told at once, and a later one in its welcome; what is downloaded changes a device's key set."""
    sid, device = cloud.new_device(), SomeDevice()
    session = device.connect(cloud.url, sid)
    heard = device.next(Connected)
    assert isinstance(heard, Connected)
    assert heard.welcome.new_keys == 0
    assert fetched(cloud, sid, 1).status_code == 404
    message = NewKeys(1, add=(NEW.public,), delete=(cloud.developer.public.id,)).signed_by(cloud.developer)
    sent = send(cloud, message)
    assert sent.status_code == 201
    assert device.next(NewKeysAvailable) == NewKeysAvailable(latest=1)
    answer = fetched(cloud, sid, 1)
    assert (answer.status_code, answer.content) == (200, message)
    assert KeySet((cloud.developer.public,)).changed_by(answer.content).signers == (NEW.public,)
    session.close()
    again = SomeDevice(boot="boot-2")
    session = again.connect(cloud.url, sid)
    heard = again.next(Connected)
    assert isinstance(heard, Connected)
    assert heard.welcome.new_keys == 1
    session.close()
    for number in ("2", "0", "01", "-1", "x", "9" * 30):
        assert fetched(cloud, sid, number).status_code == 404
    assert sent.json()["signers"] == [{"id": f"{cloud.developer.public.id:016x}", "verified": True}]
    listed = cloud.call("GET", "/mvsdk/v1/NewKeys").json()["new_keys"]
    assert [one["number"] for one in listed] == [1]
    assert listed[0] == sent.json()
    assert listed[0]["added"] == [{"id": f"{NEW.public.id:016x}", "public_key": NEW.public.to_pem().decode()}]
    trail = cloud.call("GET", "/mvsdk/v1/Audit").json()["entries"][0]
    assert trail["subject"] == f"{cloud.account}/new-keys/1"
    assert f"add {NEW.public.id:016x}, revoke {cloud.developer.public.id:016x}" in trail["what"]


def unfitting(message: bytes) -> bytes:
    """Return a message with the signature of another one."""
    other = Envelope.parse(NewKeys(7, threshold=1).signed_by(OLD), NEW_KEYS_PREFIX)
    return message.replace(Envelope.parse(message, NEW_KEYS_PREFIX).signature, other.signature)


FIRST = NewKeys(1, add=(NEW.public, OTHER.public), delete=(OLD.public.id,), threshold=2).signed_by(OLD)


@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        (lambda: NewKeys(1, add=(NEW.public,)).signed_by(NEW), 409, "is number 2, not 1"),
        (lambda: NewKeys(3, add=(NEW.public,)).signed_by(NEW), 409, "is number 2, not 3"),
        (lambda: NewKeys(2, threshold=1).signed_by(NEW), 400, "want 2 signatures"),
        (lambda: NewKeys(2, threshold=1).signed_by(OLD, [NEW]), 400, "has revoked"),
        (lambda: unfitting(NewKeys(2, threshold=1).signed_by(NEW, [OTHER])), 400, "does not fit"),
        (lambda: NewKeys(2).signed_by(NEW, [OTHER]), 400, "changes nothing"),
        (lambda: Envelope.around(NewKeys(2, threshold=1).encode(), NEW_KEYS_PREFIX).raw, 400, "is not signed"),
        (lambda: NewKeys(2, threshold=9).signed_by(NEW, [OTHER]), 400, "more keys than a device holds"),
        (lambda: FIRST * 40, 400, "5464 are allowed"),
        (lambda: b"\xff" * 40, 400, "refused"),
        (lambda: b"", 400, "is not signed"),
    ],
)
def test_what_no_device_could_take_is_refused(
    cloud: RunningCloud, make: Callable[[], bytes], status: int, words: str
) -> None:
    """Wrong numbers, too few signatures, revoked signers and damaged messages are refused, and nothing is kept."""
    assert send(cloud, FIRST).status_code == 201
    refused = send(cloud, make())
    assert (refused.status_code, words in refused.json()["message"]) == (status, True), refused.text
    assert cloud.rows("SELECT number FROM new_keys") == [{"number": 1}]


def test_keys_that_nobody_told_the_cloud_are_left_to_the_devices(cloud: RunningCloud) -> None:
    """A signature of a key that is not known is taken and shown as such; one of a key that was added is checked."""
    first = send(cloud, FIRST).json()
    assert first["signers"] == [{"id": f"{OLD.public.id:016x}", "verified": False}]
    message = endorse_new_keys(NewKeys(2, delete=(NEW.public.id,), threshold=1).signed_by(NEW), OTHER)
    second = send(cloud, message).json()
    assert [one["verified"] for one in second["signers"]] == [True, True]
    assert cloud.call("POST", "/mvsdk/v1/NewKeys", data={"Message": "no base64!"}).status_code == 400


def test_bundles_of_added_keys_are_taken(cloud: RunningCloud) -> None:
    """A key that devices come to trust may sign uploads; one that is revoked still may, until it is removed here."""
    before = {one["id"] for one in cloud.call("GET", "/mvsdk/v1/Signers").json()["signers"]}
    own = f"{cloud.developer.public.id:016x}"
    assert before == {own}
    change = NewKeys(1, add=(NEW.public, cloud.developer.public), delete=(cloud.developer.public.id,))
    assert send(cloud, change.signed_by(cloud.developer)).status_code == 201
    names = {one["id"]: one["name"] for one in cloud.call("GET", "/mvsdk/v1/Signers").json()["signers"]}
    assert names == {own: "developer", f"{NEW.public.id:016x}": "new keys 1"}
    assert cloud.call("DELETE", f"/mvsdk/v1/Signers/{own}").status_code == 204
    assert cloud.call("DELETE", f"/mvsdk/v1/Signers/{own}").status_code == 404
    assert [one["id"] for one in cloud.call("GET", "/mvsdk/v1/Signers").json()["signers"]] == [f"{NEW.public.id:016x}"]


def test_keys_are_changed_from_the_command_line(home: dict[str, str], tmp_path: Path) -> None:
    """Several people sign one message on their machines, the last sends it; the next number comes from the cloud."""
    message, public = tmp_path / "change", tmp_path / "spare.pem"
    public.write_bytes(SigningKey.generate().public.to_pem())
    for name in ("first", "second", "third"):
        assert mvsdk(home, "keys", "new", name).returncode == 0
    change = ("keys", "change", "--add", "second", "--add", str(public), "--threshold", "2", "--key", "first")
    many = [word for name in range(9) for word in ("--add", str(public))]
    refused = mvsdk(home, "keys", "change", *many, "--number", "1", "--output", str(message))
    assert (refused.returncode, "more keys than a device holds" in refused.stderr) == (1, True)
    assert not message.exists()
    for wrong in (change, (*change, "--output", str(message)), ("keys", "change", "--send")):
        assert mvsdk(home, *wrong).returncode == 2
    with started(home):
        made = mvsdk(home, *change, "--number", "1", "-o", str(message), "--json")
        assert made.returncode == 0, made.stderr
        assert [one["name"] for one in json.loads(made.stdout)["added"]] == ["second", None]
        assert json.loads(mvsdk(home, "keys", "changes", "--json").stdout) == []
        assert "signed already" in mvsdk(home, "keys", "endorse", str(message), "--key", "first").stderr
        assert mvsdk(home, "keys", "endorse", str(message), "--key", "third").returncode == 0
        sent = mvsdk(home, "keys", "send", str(message))
        assert "signed by first" in sent.stdout
        assert "third" in sent.stdout
        identifier = json.loads(mvsdk(home, "keys", "show", "first", "--json").stdout)["id"]
        alone = mvsdk(home, "keys", "change", "--revoke", identifier, "--send", "--key", "second")
        assert (alone.returncode, "2 signatures" in alone.stderr) == (1, True)
        last = mvsdk(home, "keys", "change", "--revoke", "first", "--send", "--key", "second", "--key", "third")
        assert last.returncode == 0, last.stderr
        assert f"new keys 2: revoke first ({identifier})" in last.stdout
        shown = mvsdk(home, "keys", "changes").stdout.splitlines()
        assert [line.split()[0] for line in shown] == ["NUMBER", "2", "1"]
        assert mvsdk(home, "cloud", "signer", "add", "third", "--name", "release").returncode == 0
        listed = json.loads(mvsdk(home, "cloud", "signer", "list", "--json").stdout)
        signers = {one["name"]: one["id"] for one in listed}
        assert mvsdk(home, "cloud", "signer", "remove", signers["release"]).returncode == 0
        assert "release" not in mvsdk(home, "cloud", "signer", "list").stdout
