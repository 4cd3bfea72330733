"""What clients do wrong, and what strangers try."""

from __future__ import annotations

from io import BytesIO

import pytest
import requests

from mvsdk.bundle import ManifestOptions, create, sign
from mvsdk.keys import SigningKey
from tests.bundle.samples import VECTORS
from tests.cloud.conftest import RunningCloud

UNSIGNED = create(VECTORS, ManifestOptions(), None)


def upload(cloud: RunningCloud, bundle: bytes, **fields: str) -> requests.Response:
    """Upload anything as a bundle."""
    return cloud.call("POST", "/v1/Apps", files={"File": ("app.zip", BytesIO(bundle))}, data=fields)


@pytest.mark.parametrize("auth", [None, ("AC" + "0" * 32, "x"), ("nobody", ""), ("SK" + "f" * 32, "0" * 64)])
def test_strangers_get_nothing(cloud: RunningCloud, auth: tuple[str, str] | None) -> None:
    """Without right credentials every path answers 401 alike, whether it exists or not, and asks for Basic."""
    for path in ("/v1/Devices", "/v1/Devices/UV" + "0" * 32, "/v1/Configs/x"):
        answer = requests.get(cloud.url + path, auth=auth, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_guessing_is_slowed_down(cloud: RunningCloud) -> None:
    """After ten wrong passwords from an address even the right one has to wait, and is told how long."""
    for _ in range(10):
        assert requests.get(cloud.url + "/v1/Apps", auth=(cloud.account, "wrong"), timeout=30).status_code == 401
    answer = cloud.call("GET", "/v1/Apps")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60


def test_an_unsigned_bundle_is_signed_by_the_cloud(cloud: RunningCloud) -> None:
    """The same unsigned bundle twice is one app, signed by the cloud; a developer's signature makes another."""
    first, again = upload(cloud, UNSIGNED), upload(cloud, UNSIGNED)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["sid"] == again.json()["sid"]
    own = upload(cloud, sign(UNSIGNED, cloud.developer))
    assert own.status_code == 201
    assert own.json()["hash"] != first.json()["hash"]


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (sign(UNSIGNED, SigningKey.generate()), "not trusted"),
        (UNSIGNED[:-1], "refused"),
        (b"", "refused"),
        (b"PK\x03\x04" + bytes(100), "refused"),
    ],
)
def test_a_bad_bundle_leaves_no_app(cloud: RunningCloud, bundle: bytes, words: str) -> None:
    """What verify would refuse is refused with its reason, and nothing is stored."""
    answer = upload(cloud, bundle)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert cloud.call("GET", "/v1/Apps").json()["apps"] == []


def test_an_app_that_a_device_is_to_run_stays(cloud: RunningCloud) -> None:
    """Deleting the target of a device is a conflict, and changes nothing."""
    app = upload(cloud, UNSIGNED).json()["sid"]
    cloud.call("POST", f"/v1/Devices/{cloud.new_device()}", data={"TargetApp": app})
    assert cloud.call("DELETE", f"/v1/Apps/{app}").status_code == 409
    assert cloud.call("GET", f"/v1/Apps/{app}").ok


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("GET", "/v1/Apps?PageSize=0", None, 400),
        ("GET", "/v1/Apps?PageSize=1001", None, 400),
        ("GET", "/v1/Apps?Page=-1", None, 400),
        ("GET", "/v1/Apps?PageToken=%00", None, 400),
        ("GET", "/v1/Configs?PageToken=W2ZhbHNlLDFd", None, 400),
        ("GET", "/v1/Nothing", None, 404),
        ("GET", "/v1/Devices/UVnothing", None, 404),
        ("PUT", "/v1/Apps", None, 405),
        ("POST", "/v1/Configs", {"Key": "k"}, 400),
        ("POST", "/v1/Configs", {"Key": "", "Value": "v"}, 400),
        ("POST", "/v1/Configs", {"Key": "k" * 101, "Value": "v"}, 400),
        ("POST", "/v1/Configs", {"Key": "k", "Value": "v" * 4097}, 400),
        ("POST", "/v1/Configs", {"Key": "k", "Value": "v" * 70_000}, 413),
        ("POST", "/v1/Configs", "Key=%ff&Value=v", 415),
        ("POST", "/v1/Configs/none", {"Value": "v"}, 404),
        ("POST", "/v1/Apps", {"File": "x"}, 415),
    ],
)
def test_wrong_requests_are_told_so(cloud: RunningCloud, method: str, path: str, data: object, status: int) -> None:
    """Each kind of wrong request has its status, in the API's own error shape."""
    answer = cloud.call(method, path, data=data)
    assert answer.status_code == status
    document = answer.json()
    assert document["status"] == status
    assert document["more_info"].endswith(str(document["code"]))
    explained = requests.get(document["more_info"], timeout=30)
    assert str(document["code"]) in explained.text


def test_the_longest_values_are_taken(cloud: RunningCloud) -> None:
    """100 characters of key and 4096 of value fit, whatever their bytes; one of a kind only."""
    key, value = "ключ" * 25, "🎉" * 4096
    assert cloud.call("POST", "/v1/Configs", data={"Key": key, "Value": value}).status_code == 201
    assert cloud.call("POST", "/v1/Configs", data={"Key": key, "Value": value}).status_code == 409
    assert cloud.call("GET", f"/v1/Configs/{key}").json()["value"] == value


def test_a_page_of_another_site_cannot_change_anything(cloud: RunningCloud) -> None:
    """A browser that remembers credentials does not lend them to other sites, nor to a name that points here."""
    assert cloud.call("GET", "/v1/Apps", headers={"Host": "evil.example"}).status_code == 400
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert cloud.call("POST", "/v1/Configs", data={"Key": "k", "Value": "v"}, headers=foreign).status_code == 403
    assert cloud.call("GET", "/v1/Configs").json()["configs"] == []


@pytest.mark.parametrize("key", ["..", "../Apps/x", "a/./b", "."])
def test_a_key_cannot_lead_elsewhere(cloud: RunningCloud, key: str) -> None:
    """A browser would shorten such a path, and mean another resource."""
    assert cloud.call("POST", "/v1/Configs", data={"Key": key, "Value": "v"}).status_code == 400


@pytest.mark.parametrize("path", ["/errors/" + "9" * 5000, "/v1/Configs/%00", "/v1/Apps?PageToken=%00"])
def test_odd_addresses_are_no_server_error(cloud: RunningCloud, path: str) -> None:
    """What no resource can be called is the client's mistake."""
    assert 400 <= cloud.call("GET", path).status_code < 500
