"""The one error body, whatever goes wrong. No server and no database are asked here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway import auth, limits
from services.gateway.app import create_app
from services.gateway.principal import Principal
from services.gateway.routes import API, GUARDS
from services.gateway.scopes import ALL
from shared import db

KEY = "mm_" + "k" * 32
ADA = Principal(UUID(int=1), ALL, {"example.com": True}, UUID(int=2), "example.com", "hello")
GOOD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def made() -> Flask:
    """One application for all: making it takes longer than all they ask of it."""
    return create_app()


@pytest.fixture
def app(made: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    def unavailable() -> Iterator[None]:
        raise db.DatabaseUnavailable("not in unit tests")

    def look_up(key: str, before_lookup: object) -> Principal | None:
        return ADA if key == KEY else None

    monkeypatch.setattr(auth, "find_principal", look_up)
    monkeypatch.setattr("services.gateway.routes.send.transaction", unavailable)
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, checked to be one."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.get_json()
    assert set(body) == {"error", "code", "errors", "request_id"}
    assert body["code"] == code
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


def test_unknown_path_is_404(client: FlaskClient) -> None:
    refused(client.get("/api/nothing"), 404, "not_found")


def test_wrong_method_is_405_and_names_the_right_ones(client: FlaskClient) -> None:
    response = client.get("/api/send")
    refused(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_missing_key_is_401_with_a_challenge(client: FlaskClient) -> None:
    response = client.post("/api/send", json={})
    refused(response, 401, "missing_api_key")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "mm_" + "x" * 32},
        {"Authorization": "Basic dTpw"},
        {**GOOD, "X-API-Key": "mm_" + "x" * 32},
    ],
)
def test_wrong_or_contradictory_key_is_401(client: FlaskClient, headers: dict[str, str]) -> None:
    refused(client.post("/api/send", json={}, headers=headers), 401, "invalid_api_key")


@pytest.mark.parametrize("headers", [GOOD, {"X-API-Key": KEY}, {**GOOD, "X-API-Key": KEY}])
def test_either_header_carries_the_key(client: FlaskClient, headers: dict[str, str]) -> None:
    refused(client.post("/api/send", json={}, headers=headers), 422, "validation_error")


def test_other_content_type_is_415(client: FlaskClient) -> None:
    refused(client.post("/api/send", data="a=b", headers=GOOD), 415, "unsupported_media_type")


def test_malformed_json_is_400(client: FlaskClient) -> None:
    json = {**GOOD, "Content-Type": "application/json"}
    refused(client.post("/api/send", data="{", headers=json), 400, "invalid_json")
    refused(client.post("/api/send", data="", headers=json), 400, "invalid_json")


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null"])
def test_json_that_is_no_object_is_422(client: FlaskClient, body: str) -> None:
    response = client.post("/api/send", data=body, headers={**GOOD, "Content-Type": "application/json"})
    errors = refused(response, 422, "validation_error")["errors"]
    assert [item["pointer"] for item in errors] == [""]


def test_request_too_large_is_413(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 100)
    response = app.test_client().post("/api/send", json={"text": "x" * 200}, headers=GOOD)
    refused(response, 413, "payload_too_large")


def test_other_domain_is_403(client: FlaskClient) -> None:
    email = {"from": "hello@example.org", "to": "a@x.test", "subject": "s", "text": "t"}
    refused(client.post("/api/send", json=email, headers=GOOD), 403, "domain_not_allowed")


def test_database_away_is_503_and_says_when_to_come_back(client: FlaskClient) -> None:
    # to a domain that is not looked up
    to = "delivered@simulator.mailmatic.test"
    email = {"from": "hello@example.com", "to": to, "subject": "s", "text": "t"}
    response = client.post("/api/send", json=email, headers=GOOD)
    refused(response, 503, "database_unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_unexpected_error_is_500_and_tells_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the secret is kept")

    monkeypatch.setattr("services.gateway.routes.send.refusals", broken)
    email = {"from": "hello@example.com", "to": "a@x.test", "subject": "s", "text": "t"}
    response = app.test_client().post("/api/send", json=email, headers=GOOD)
    refused(response, 500, "internal_error")
    assert "kept" not in response.text


@pytest.mark.parametrize(
    "path", ["/api/emails?limit=0", "/api/logs?status=nope", "/api/logs?search=%00", "/api/logs?pgae=2"]
)
def test_wrong_query_is_422(client: FlaskClient, path: str) -> None:
    refused(client.get(path, headers=GOOD), 422, "validation_error")


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_request_id_of_the_client_is_kept(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "é"])
def test_request_id_that_could_forge_a_log_line_is_replaced(client: FlaskClient, given: str) -> None:
    got = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert got
    assert got != given


def test_every_route_has_a_guard_and_every_api_route_asks_for_a_key(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.rpartition(".")[0]
        assert blueprint in GUARDS, rule
    others = {mount.blueprint.name: mount.guard for mount in API if mount.guard is not auth.authenticate}
    assert others == {"cron": auth.check_cron_secret, "doors": limits.admit_visitor}


def test_openapi_names_every_operation_with_its_refusals(client: FlaskClient) -> None:
    spec = client.get("/api/openapi.json").get_json()
    assert spec["openapi"] == "3.1.0"
    send = spec["paths"]["/api/send"]["post"]
    assert send["operationId"] == "sendEmail"
    assert {"202", "400", "401", "403", "413", "415", "422", "500", "503"} <= set(send["responses"])
    assert spec["components"]["schemas"]["Send"]["required"] == ["from", "to"]
    schemes = {"bearer", "apiKey", "session", "cron", "mta", "razorpay"}
    assert set(spec["components"]["securitySchemes"]) == schemes
    assert spec["paths"]["/api/cron/process-scheduled"]["post"]["security"] == [{"cron": []}]


def test_docs_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    with client.get("/docs") as page:
        assert page.status_code == 200
        assert "//" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    with client.get("/docs/assets/rapidoc-min.js") as viewer:
        assert viewer.status_code == 200
