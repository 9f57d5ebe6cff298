"""The OpenAPI document is valid, and its examples are what its schemas describe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from marshmallow import Schema, fields
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.gateway.errors import PROBLEMS
from services.gateway.schemas.examples import answer_example
from services.gateway.scopes import SCOPES
from tests.fixtures.operations import DOCUMENT

METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, operation) of every operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", methods[method]


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, media object) of every body and answer that has one."""
    for name, operation in operations():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} takes {kind}", content
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items():
                yield f"{name} answers {status} {kind}", content


def examples(content: dict[str, Any]) -> list[Any]:
    """The examples of a media object."""
    several = [item["value"] for item in content.get("examples", {}).values()]
    return [content["example"], *several] if "example" in content else several


ALL = dict(contents())


def test_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@pytest.mark.parametrize("name", ALL)
def test_every_body_and_answer_has_examples_that_its_schema_describes(name: str) -> None:
    found = examples(ALL[name])
    assert found
    if " application/json" not in name:
        return
    schema = {**ALL[name]["schema"], "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    for example in found:
        assert [error.message for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize("name", dict(operations()))
def test_every_operation_is_described_and_lists_the_codes_it_can_give(name: str) -> None:
    operation = dict(operations())[name]
    assert operation["summary"]
    assert operation["operationId"]
    refusals = {
        code
        for status, response in operation["responses"].items()
        if status.isdigit() and int(status) >= 400
        for code in response["content"]["application/json"]["examples"]
    }
    assert {"internal_error", "database_unavailable"} <= refusals <= PROBLEMS.keys()
    if any("bearer" in scheme for scheme in operation["security"]):
        assert {"missing_api_key", "insufficient_scope", "rate_limit_exceeded"} <= refusals
        assert set(operation.get("x-scopes", ())) <= SCOPES.keys()


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_field_without_an_example_is_refused_where_none_can_be_made_up() -> None:
    with pytest.raises(TypeError, match=r"size has no example"):
        answer_example(Schema.from_dict({"size": fields.Integer()}))
