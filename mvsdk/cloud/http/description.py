"""What our own part of the API looks like, as data: endpoints say it, and the OpenAPI document is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.routing import Route

from mvsdk import __version__
from mvsdk.cloud.http.calls import Endpoint, resource

PREFIX = "/mvsdk/v1"


class ProblemDocument(msgspec.Struct):
    """What is answered when something is wrong."""

    code: int
    message: str
    more_info: str
    status: int


@dataclass(frozen=True)
class Parameter:
    """A field of a form or query, with its JSON schema."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One method of one path below `PREFIX`: what it takes, and the model of what it answers, None for nothing."""

    method: str
    path: str
    summary: str
    endpoint: Endpoint
    reply: type[msgspec.Struct] | None
    status: int = 200
    form: Sequence[Parameter] = ()
    query: Sequence[Parameter] = ()


def routes(operations: Sequence[Operation]) -> list[Route]:
    """Return the routes of operations; those of one path are one route."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation.endpoint
    return [resource(PREFIX + path, **endpoints) for path, endpoints in paths.items()]


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of operations."""
    models = [ProblemDocument, *dict.fromkeys(operation.reply for operation in operations if operation.reply)]
    references, schemas = msgspec.json.schema_components(models, ref_template="#/components/schemas/{name}")
    by_model = dict(zip(models, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = _described(operation, by_model)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mvsdk cloud: what the original API has no call for", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"account": {"type": "http", "scheme": "basic"}},
        },
        "security": [{"account": []}],
    }


def _described(operation: Operation, references: Mapping[Any, Any]) -> dict[str, Any]:
    def content(model: type[msgspec.Struct]) -> dict[str, Any]:
        return {"application/json": {"schema": references[model]}}

    reply = {"content": content(operation.reply)} if operation.reply else {}
    in_path = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path
    ]
    parameters += [
        {"name": one.name, "in": "query", "description": one.about, "required": one.required, "schema": one.schema}
        for one in operation.query
    ]
    document: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): {"description": operation.summary, **reply},
            "default": {"description": "Something is wrong.", "content": content(ProblemDocument)},
        },
    }
    if operation.form:
        properties = {one.name: {**one.schema, "description": one.about} for one in operation.form}
        required = [one.name for one in operation.form if one.required]
        schema = {"type": "object", "properties": properties, "required": required}
        document["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    return document
