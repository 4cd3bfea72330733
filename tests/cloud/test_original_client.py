"""The original API's own client does everything it offers."""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from twilio.base.exceptions import TwilioRestException

from mvsdk.bundle import ManifestOptions, UnverifiedBundle, create
from tests.bundle.samples import VECTORS
from tests.cloud.conftest import RunningCloud


def upload(cloud: RunningCloud, bundle: bytes, **fields: str) -> str:
    """Upload a bundle as the original's scripts do, and return the app's SID."""
    answer = cloud.call("POST", "/v1/Apps", files={"File": ("app.zip", BytesIO(bundle))}, data=fields)
    assert answer.ok, answer.text
    sid: str = answer.json()["sid"]
    return sid


def test_apps_are_listed_fetched_read_and_deleted(cloud: RunningCloud) -> None:
    """What was uploaded can be listed, fetched by SID and by name, its manifest read, and deleted."""
    bundle = create(VECTORS, ManifestOptions(), cloud.developer)
    sid = upload(cloud, bundle, UniqueName="kitchen-app")
    apps = cloud.client().microvisor.v1.apps
    assert [app.sid for app in apps.list()] == [sid]
    assert apps("kitchen-app").fetch().sid == sid
    manifest = apps(sid).app_manifests().fetch()
    assert base64.b64decode(manifest.encoded_bytes) == UnverifiedBundle.parse(bundle).envelope.raw
    assert manifest.hash == apps(sid).fetch().hash
    assert apps(sid).delete() is True
    assert apps.list() == []


def test_a_device_is_given_an_app_and_options(cloud: RunningCloud) -> None:
    """A device takes a name, a target by SID or name, logging for a day, and a restart."""
    device, app = (
        cloud.new_device(),
        upload(cloud, create(VECTORS, ManifestOptions(), cloud.developer), UniqueName="v1"),
    )
    devices = cloud.client().microvisor.v1.devices
    changed = devices(device).update(unique_name="kitchen", target_app="v1", logging_enabled=True, restart_app=True)
    assert changed.unique_name == "kitchen"
    assert changed.app["target_sid"] == app
    assert changed.app["update_status"] == "pending"
    assert changed.logging["enabled"] is True
    assert devices("kitchen").fetch().sid == device
    assert devices("kitchen").update(logging_enabled=False).logging == {"enabled": False, "date_expires": None}


@pytest.mark.parametrize("scope", ["account", "device"])
def test_config_and_secrets_come_and_go(cloud: RunningCloud, scope: str) -> None:
    """Of an account and of a device, values are made, listed, changed and deleted; a secret's is never shown."""
    v1 = cloud.client().microvisor.v1
    device = v1.devices(cloud.new_device("kitchen"))
    configs = v1.account_configs if scope == "account" else device.device_configs
    secrets = v1.account_secrets if scope == "account" else device.device_secrets
    configs.create(key="tz of/house", value="Europe/Paris")
    assert configs("tz of/house").fetch().value == "Europe/Paris"
    assert configs("tz of/house").update(value="UTC").value == "UTC"
    assert [entry.key for entry in configs.list()] == ["tz of/house"]
    secrets.create(key="api", value="hunter2")
    assert secrets("api").update(value="hunter3").key == "api"
    assert not hasattr(secrets("api").fetch(), "value")
    assert configs("tz of/house").delete() is True
    assert secrets("api").delete() is True
    with pytest.raises(TwilioRestException) as refused:
        secrets("api").fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_long_lists_come_in_pages(cloud: RunningCloud) -> None:
    """A list longer than a page is whole and in order, whatever the page size, and can be gone back through."""
    configs = cloud.client().microvisor.v1.account_configs
    for number in range(23):
        configs.create(key=f"{number:02}", value="x")
    expected = [f"{number:02}" for number in range(23)]
    for size in (1, 5, 23, 1000):
        assert [entry.key for entry in configs.list(page_size=size)] == expected
    second = cloud.call(
        "GET", cloud.call("GET", "/v1/Configs?PageSize=5").json()["meta"]["next_page_url"][len(cloud.url) :]
    )
    back = cloud.call("GET", second.json()["meta"]["previous_page_url"][len(cloud.url) :]).json()
    assert [entry["key"] for entry in back["configs"]] == expected[:5]
    assert back["meta"]["previous_page_url"] is None
