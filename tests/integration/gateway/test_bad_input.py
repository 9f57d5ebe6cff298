"""Whatever a client sends wrongly: a 4xx with our error body that points at the fault; nothing is kept."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import requests

from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database

JSON = {"Content-Type": "application/json"}
ABSENT = object()

#: what is wrong → the fields that make it so, where the answer points
FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no from": ({"from": ABSENT}, "/from"),
    "no to": ({"to": ABSENT}, "/to"),
    "no subject": ({"subject": ABSENT}, "/subject"),
    "no body": ({"text": ABSENT}, "/html"),
    "empty bodies": ({"text": "", "html": ""}, "/html"),
    "null from": ({"from": None}, "/from"),
    "number as from": ({"from": 5}, "/from"),
    "object as from": ({"from": {"email": "a@example.com"}}, "/from"),
    "array as from": ({"from": ["a@example.com"]}, "/from"),
    "from without @": ({"from": "hello"}, "/from"),
    "from with two @": ({"from": "a@b@example.com"}, "/from"),
    "from with line break": ({"from": "a@example.com\r\nBcc: x@example.com"}, "/from"),
    "from name with line break": ({"from": "A\nBcc: x@example.com <a@example.com>"}, "/from"),
    "empty to": ({"to": ""}, "/to"),
    "empty array as to": ({"to": []}, "/to"),
    "null in to": ({"to": [None]}, "/to/0"),
    "number in to": ({"to": ["a@example.com", 7]}, "/to/1"),
    "nested array in to": ({"to": [["a@example.com"]]}, "/to/0"),
    "object as to": ({"to": {"email": "a@example.com"}}, "/to"),
    "boolean as to": ({"to": True}, "/to"),
    "second address bad": ({"to": ["a@example.com", "b@"]}, "/to/1"),
    "list in one string": ({"to": "a@example.com, b@example.com"}, "/to"),
    "to with line break": ({"to": "a@example.com\nRCPT TO:<x@example.com>"}, "/to"),
    "to with space": ({"to": "a b@example.com"}, "/to"),
    "to with NUL": ({"to": "a\x00@example.com"}, "/to"),
    "to with angle brackets inside": ({"to": "a<b>@example.com"}, "/to"),
    "to without host": ({"to": "a@"}, "/to"),
    "to with leading dot": ({"to": ".a@example.com"}, "/to"),
    "to with double dot": ({"to": "a..b@example.com"}, "/to"),
    "to with label of 64": ({"to": f"a@{'x' * 64}.com"}, "/to"),
    "to with local part of 65": ({"to": f"{'x' * 65}@example.com"}, "/to"),
    "to with hyphen first": ({"to": "a@-example.com"}, "/to"),
    "to with IP literal": ({"to": "a@[127.0.0.1]"}, "/to"),
    "51 recipients": ({"to": [f"a{n}@example.com" for n in range(51)]}, "/to"),
    "51 recipients over three fields": (
        {name: [f"{name}{n}@example.com" for n in range(17)] for name in ("to", "cc", "bcc")},
        "/to",
    ),
    "bad cc": ({"cc": "nobody"}, "/cc"),
    "bad bcc": ({"bcc": ["ok@example.com", ""]}, "/bcc/1"),
    "bad reply_to": ({"reply_to": "a@example.com\r\nX: y"}, "/reply_to"),
    "number as subject": ({"subject": 1}, "/subject"),
    "empty subject": ({"subject": ""}, "/subject"),
    "subject with line break": ({"subject": "Hi\r\nBcc: x@example.com"}, "/subject"),
    "subject with escape": ({"subject": "Hi \x1b[31m"}, "/subject"),
    "subject of 999": ({"subject": "x" * 999}, "/subject"),
    "array as html": ({"html": ["<p>"]}, "/html"),
    "object as text": ({"text": {}}, "/text"),
    "NUL in text": ({"text": "a\x00b"}, "/text"),
    "half a surrogate pair": ({"text": "\ud83d"}, "/text"),
    "from_name with line break": ({"from_name": "A\nB"}, "/from_name"),
    "number as from_name": ({"from_name": 3}, "/from_name"),
    "array as headers": ({"headers": ["X: y"]}, "/headers"),
    "number as header value": ({"headers": {"X-A": 1}}, "/headers/X-A"),
    "header name with line break": ({"headers": {"X-A\r\nBcc": "x@example.com"}}, "/headers/X-A\r\nBcc"),
    "header name with colon": ({"headers": {"X:A": "b"}}, "/headers/X:A"),
    "empty header name": ({"headers": {"": "b"}}, "/headers/"),
    "header value with line break": ({"headers": {"X-A": "b\r\nBcc: x@example.com"}}, "/headers/X-A"),
    "Bcc as header": ({"headers": {"bcc": "x@example.com"}}, "/headers/bcc"),
    "DKIM-Signature as header": ({"headers": {"DKIM-Signature": "v=1"}}, "/headers/DKIM-Signature"),
    "header twice": ({"headers": {"X-A": "1", "x-a": "2"}}, "/headers/x-a"),
    "51 headers": ({"headers": {f"X-{n}": "1" for n in range(51)}}, "/headers"),
    "send_at in the past": ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
    "send_at that is no time": ({"send_at": "tomorrow"}, "/send_at"),
    "number as send_at": ({"send_at": 4102444800}, "/send_at"),
    "misspelt field": ({"replyto": "a@example.com"}, "/replyto"),
}

#: what is wrong → method, path, headers, raw body, the status and code that answer
REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes, int, str]] = {
    "no body": ("POST", "/api/send", JSON, b"", 400, "invalid_json"),
    "not JSON": ("POST", "/api/send", JSON, b"from=a", 400, "invalid_json"),
    "JSON cut off": ("POST", "/api/send", JSON, b'{"from": "a', 400, "invalid_json"),
    "two documents": ("POST", "/api/send", JSON, b"{} {}", 400, "invalid_json"),
    "Latin-1": ("POST", "/api/send", JSON, '{"subject": "Grüße"}'.encode("latin-1"), 400, "invalid_json"),
    "UTF-16": ("POST", "/api/send", JSON, "{}".encode("utf-16"), 400, "invalid_json"),
    "duplicate key": ("POST", "/api/send", JSON, b'{"to": "a@b.c", "to": "d@e.f"}', 400, "invalid_json"),
    "NaN": ("POST", "/api/send", JSON, b'{"to": NaN}', 400, "invalid_json"),
    "huge number": ("POST", "/api/send", JSON, b'{"to": 1e999}', 400, "invalid_json"),
    "too many digits": ("POST", "/api/send", JSON, b'{"to": ' + b"9" * 5000 + b"}", 400, "invalid_json"),
    "nested without end": ("POST", "/api/send", JSON, b"[" * 100_000, 400, "invalid_json"),
    "array": ("POST", "/api/send", JSON, b"[]", 422, "validation_error"),
    "string": ("POST", "/api/send", JSON, b'"send"', 422, "validation_error"),
    "null": ("POST", "/api/send", JSON, b"null", 422, "validation_error"),
    "form": (
        "POST",
        "/api/send",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"from=a",
        415,
        "unsupported_media_type",
    ),
    "no type": ("POST", "/api/send", {}, b"{}", 415, "unsupported_media_type"),
    "text": ("POST", "/api/send", {"Content-Type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
    "other charset": (
        "POST",
        "/api/send",
        {"Content-Type": "application/json; charset=utf-16"},
        b"{}",
        415,
        "unsupported_media_type",
    ),
    "compressed": (
        "POST",
        "/api/send",
        {**JSON, "Content-Encoding": "gzip"},
        gzip.compress(b"{}"),
        415,
        "unsupported_media_type",
    ),
    "other method": ("PUT", "/api/send", JSON, b"{}", 405, "method_not_allowed"),
    "unknown method": ("BREW", "/api/send", {}, b"", 405, "method_not_allowed"),
    "unknown path": ("GET", "/api/sendd", {}, b"", 404, "not_found"),
    "path above the root": ("GET", "/api/../../etc/passwd", {}, b"", 400, "bad_request"),
    "path that is not UTF-8": ("GET", "/api/%ff%fe", {}, b"", 404, "not_found"),
    "id that is none": ("GET", "/api/emails/1;drop", {}, b"", 404, "not_found"),
    "id of nothing": ("GET", "/api/emails/00000000-0000-0000-0000-000000000000", {}, b"", 404, "not_found"),
    "page zero": ("GET", "/api/logs?page=0", {}, b"", 422, "validation_error"),
    "page that is no number": ("GET", "/api/logs?page=one", {}, b"", 422, "validation_error"),
    "huge page": ("GET", "/api/logs?page=99999999999999999999", {}, b"", 422, "validation_error"),
    "huge limit": ("GET", "/api/logs?limit=100000", {}, b"", 422, "validation_error"),
    "unknown status": ("GET", "/api/logs?status=lost", {}, b"", 422, "validation_error"),
    "unknown parameter": ("GET", "/api/logs?serach=x", {}, b"", 422, "validation_error"),
    "NUL in a search": ("GET", "/api/logs?search=%00", {}, b"", 422, "validation_error"),
    "bad cursor": ("GET", "/api/emails?after=x", {}, b"", 422, "validation_error"),
}


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own, whose emails are counted."""
    return new_client(running)


def assert_refusal(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Our error body, all of it and nothing else; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error", "code", "errors", "request_id"}
    assert body["code"] == code
    assert isinstance(body["error"], str)
    assert body["error"]
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert all(set(fault) == {"pointer", "detail"} for fault in body["errors"])
    assert "Traceback" not in response.text
    return dict(body)


def body_with(api: Client, changes: dict[str, Any]) -> bytes:
    """A good request with `changes`, as JSON that escapes what is not ASCII."""
    good = {"from": api.sender, "to": "ada@example.com", "subject": "Hello", "text": "Hi"}
    return json.dumps({k: v for k, v in {**good, **changes}.items() if v is not ABSENT}).encode()


@pytest.mark.parametrize("case", FIELDS)
def test_422_points_at_the_field_when_it_is_wrong(api: Client, case: str) -> None:
    changes, pointer = FIELDS[case]
    response = api.request("POST", "/api/send", data=body_with(api, changes), headers=JSON)
    faults = assert_refusal(response, 422, "validation_error")["errors"]
    assert pointer in {fault["pointer"] for fault in faults}
    assert all(fault["detail"] for fault in faults)


@pytest.mark.parametrize("case", REQUESTS)
def test_request_is_refused_with_a_body_when_it_is_malformed(api: Client, case: str) -> None:
    method, path, headers, body, status, code = REQUESTS[case]
    request = requests.Request(method, api.url, headers={"Authorization": f"Bearer {api.key}", **headers})
    prepared = request.prepare()
    prepared.url = api.url + path  # as it is: requests would tidy it
    prepared.body = body
    prepared.headers["Content-Length"] = str(len(body))
    with requests.Session() as session:
        assert_refusal(session.send(prepared, timeout=40), status, code)


@pytest.mark.parametrize("size", ["just over the gateway's limit", "over the edge's limit"])
def test_413_when_the_body_is_too_large(api: Client, size: str) -> None:
    megabytes = 41 if "gateway" in size else 46
    body = body_with(api, {"html": "x" * megabytes * 1024 * 1024})
    assert_refusal(api.request("POST", "/api/send", data=body, headers=JSON), 413, "payload_too_large")


def test_413_points_at_a_body_that_is_too_large(api: Client) -> None:
    response = api.post("/api/send", {**json.loads(body_with(api, {})), "html": "x" * 6 * 1024 * 1024})
    faults = assert_refusal(response, 413, "payload_too_large")["errors"]
    assert [fault["pointer"] for fault in faults] == ["/html"]


def test_every_fault_is_named_when_there_are_several(api: Client) -> None:
    body = body_with(api, {"from": "x", "to": ["y", "z@example.com"], "subject": "", "headers": {"Bcc": "b"}})
    response = api.request("POST", "/api/send", data=body, headers=JSON)
    faults = assert_refusal(response, 422, "validation_error")["errors"]
    assert {fault["pointer"] for fault in faults} == {"/from", "/to/0", "/subject", "/headers/Bcc"}


def test_405_says_which_methods_there_are(api: Client) -> None:
    response = api.request("DELETE", "/api/send")
    assert_refusal(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_refused_requests_leave_nothing_behind(api: Client, database: Database) -> None:
    api.request("POST", "/api/send", data=body_with(api, {"to": "nobody"}), headers=JSON)
    assert database.statuses(api.domain) == {}
