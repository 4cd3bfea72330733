"""Our own part of the API keeps what its generated description says, whatever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from mvsdk.cloud.http.additions import operations
from mvsdk.cloud.http.description import openapi
from tests.cloud.conftest import RunningCloud, running_cloud

OWN = schemathesis.openapi.from_dict(openapi(operations()))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud with a device."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        cloud.new_device("kitchen")
        yield cloud


@OWN.parametrize()
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_any_request_is_answered_as_described(cloud: RunningCloud, case: schemathesis.Case[Any]) -> None:
    """No answer is a server error or of another shape than the description says."""
    if "true" in str((case.query or {}).get("Follow")):
        return  # a stream, which does not end
    case.call_and_validate(base_url=cloud.url, auth=cloud.auth, checks=CHECKS)


def test_the_description_is_served(cloud: RunningCloud) -> None:
    """The server hands out the very description that these tests go by."""
    assert requests.get(cloud.url + "/mvsdk/v1/openapi.json", timeout=30).json() == OWN.raw_schema


def test_changes_leave_a_trail_that_shows_tampering(cloud: RunningCloud) -> None:
    """Every change is in the audit trail with its maker; changing or cutting the trail is found."""
    cloud.call("POST", "/v1/Configs", data={"Key": "tz", "Value": "UTC"})
    trail = cloud.call("GET", "/mvsdk/v1/Audit?Verify=true").json()
    newest = trail["entries"][0]
    assert (newest["who"], newest["what"], newest["subject"]) == (cloud.account, "create config", f"{cloud.account}/tz")
    assert trail["first_broken"] is None
    cloud.change("UPDATE audit SET who = 'nobody' WHERE number = ?", str(newest["number"]))
    assert cloud.call("GET", "/mvsdk/v1/Audit?Verify=true").json()["first_broken"] == newest["number"]
    cloud.change("UPDATE audit SET who = ? WHERE number = ?", cloud.account, str(newest["number"]))
    assert cloud.call("GET", "/mvsdk/v1/Audit?Verify=true").json()["first_broken"] is None
    cloud.change("DELETE FROM audit WHERE number = ?", str(newest["number"]))
    assert cloud.call("GET", "/mvsdk/v1/Audit?Verify=true").json()["first_broken"] == 0
