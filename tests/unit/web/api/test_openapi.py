"""The document holds what a program has to know of every operation."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from trunkline.web.api.app import api_app
from trunkline.web.api.openapi import example_of, operations, resolved
from trunkline.web.office import Office


@pytest.fixture
def document(office: Office) -> Any:
    return api_app(office).openapi()


def medias(document: Any) -> Iterator[tuple[str, Any]]:
    """Every body in JSON, of requests and responses."""
    for path, method, operation in operations(document):
        holders = [operation.get("requestBody", {}), *operation["responses"].values()]
        for holder in holders:
            for kind, media in resolved(document, holder).get("content", {}).items():
                if kind.endswith("json"):
                    yield f"{method} {path}", media


def test_it_is_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"token": []}, {"basic": []}]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_body_has_an_example_that_fits_its_schema(document: Any) -> None:
    checked = 0
    for where, media in medias(document):
        schema = {**media["schema"], "components": document["components"]}
        jsonschema_rs.validator_for(schema).validate(media["example"])
        assert media["example"] is not None, where
        checked += 1
    assert checked > 400


def test_every_operation_tells_its_refusals(document: Any) -> None:
    for path, method, operation in operations(document):
        answers = set(operation["responses"])
        assert {"401", "403", "429", "500", "503"} <= answers, path
        assert operation["summary"], path
        assert operation["description"].startswith(operation["summary"]), path
        assert len(operation["summary"]) < 100, path
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}, path
        if "{" in path:
            assert "404" in answers, path
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= answers, path
        if "201" in answers:
            assert "409" in answers, path
            assert {"Location", "Idempotency-Replayed"} <= operation["responses"]["201"]["headers"].keys()
        if method in ("put", "patch") and path != "/v1/users/{name}/password":
            assert "412" in answers, path
            assert "ETag" in operation["responses"]["200"]["headers"], path


def test_every_parameter_and_field_is_in_words_or_has_a_plain_name(document: Any) -> None:
    for path, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "schema" in parameter, path
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description") or "enum" in schema, name


def test_versions_are_shown_where_they_are_taken(document: Any) -> None:
    for path in ("/v1/accounts/{key}", "/v1/numbers/{e164}/forwarding", "/v1/routes/{prefix}"):
        assert "ETag" in document["paths"][path]["get"]["responses"]["200"]["headers"]
    assert "headers" not in document["paths"]["/v1/calls/{call_id}"]["get"]["responses"]["200"]
    assert "ETag" not in document["paths"]["/v1/tokens"]["post"]["responses"]["201"]["headers"]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "examples": ["x"]}, "x"),
        ({"type": "string", "enum": ["a", "b"]}, "a"),
        ({"const": 5}, 5),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "array", "items": {"type": "boolean"}}, [False]),
        ({"type": "array"}, []),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"type": "string", "format": "date-time"}, "2026-03-14T09:26:53Z"),
        ({"$ref": "#/things/a"}, 7),
        ({"type": "object", "properties": {"a": {"$ref": "#/things/a"}}}, {"a": 7}),
        ({}, None),
    ],
)
def test_examples(schema: Any, example: Any) -> None:
    assert example_of({"things": {"a": {"const": 7}}}, schema, every_field=True) == example
