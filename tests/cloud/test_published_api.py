"""The last published description of the API, both ways: what it allows is taken, and what it promises is returned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.test_refusals import UNSIGNED, upload

PUBLISHED = schemathesis.openapi.from_dict(
    json.loads(Path(__file__).with_name("published-api.json").read_text(encoding="utf-8"))
)
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud with one of everything."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        cloud.new_device("kitchen")
        assert upload(cloud, UNSIGNED, UniqueName="app").ok
        for kind in ("Configs", "Secrets", "Devices/kitchen/Configs", "Devices/kitchen/Secrets"):
            assert cloud.call("POST", f"/v1/{kind}", data={"Key": "key", "Value": "value"}).ok
        yield cloud


@PUBLISHED.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_any_request_is_answered_as_promised(cloud: RunningCloud, case: schemathesis.Case[Any]) -> None:
    """Whatever arguments the description allows, or forbids, no answer is a server error or of another shape."""
    case.call_and_validate(base_url=cloud.url, auth=cloud.auth, checks=CHECKS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/Apps", "/v1/Apps"),
        ("/v1/Apps/app", "/v1/Apps/{Sid}"),
        ("/v1/Apps/app/Manifest", "/v1/Apps/{AppSid}/Manifest"),
        ("/v1/Devices", "/v1/Devices"),
        ("/v1/Devices/kitchen", "/v1/Devices/{Sid}"),
        ("/v1/Configs", "/v1/Configs"),
        ("/v1/Configs/key", "/v1/Configs/{Key}"),
        ("/v1/Secrets", "/v1/Secrets"),
        ("/v1/Secrets/key", "/v1/Secrets/{Key}"),
        ("/v1/Devices/kitchen/Configs", "/v1/Devices/{DeviceSid}/Configs"),
        ("/v1/Devices/kitchen/Configs/key", "/v1/Devices/{DeviceSid}/Configs/{Key}"),
        ("/v1/Devices/kitchen/Secrets", "/v1/Devices/{DeviceSid}/Secrets"),
        ("/v1/Devices/kitchen/Secrets/key", "/v1/Devices/{DeviceSid}/Secrets/{Key}"),
    ],
)
def test_every_resource_has_the_fields_it_is_described_with(cloud: RunningCloud, path: str, expected: str) -> None:
    """Each resource that exists is returned with exactly the fields of its description, of the right kinds."""
    answer = cloud.call("GET", path)
    assert answer.status_code == 200, answer.text
    operation = PUBLISHED[expected]["GET"]
    operation.validate_response(answer)
    schema = operation.definition.raw["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        raw = PUBLISHED.raw_schema["components"]["schemas"][name]
        assert set(answer.json()) == set(raw["properties"])
