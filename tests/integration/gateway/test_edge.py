"""What nginx itself refuses has our error body too, and a request id that a log can be searched for."""

from __future__ import annotations

import json
import re
import socket

import pytest
import requests

from deploy.local.ports import HOST
from tests.fixtures.api import Client
from tests.fixtures.cluster import Cluster

#: what is wrong → the raw request, the status and code that answer
RAW: dict[str, tuple[bytes, int, str]] = {
    "no HTTP": (b"EHLO client.example\r\n\r\n", 400, "bad_request"),
    "header with NUL": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n", 400, "bad_request"),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
    "negative length": (
        b"POST /api/send HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        400,
        "bad_request",
    ),
    "length and chunks": (
        b"POST /api/send HTTP/1.1\r\nHost: a\r\n"
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "bad_request",
    ),
    "bad chunk": (
        b"POST /api/send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        400,
        "bad_request",
    ),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
    "long address": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri_too_long"),
    "long header": (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"x" * 9000 + b"\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "other coding": (
        b"POST /api/send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
        "not_implemented",
    ),
    "other version": (b"GET / HTTP/3.1\r\nHost: a\r\n\r\n", 505, "http_version_not_supported"),
}


def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a raw request; the server closes the connection."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("case", RAW)
def test_edge_refuses_with_our_error_body(running: Cluster, case: str) -> None:
    request, expected, code = RAW[case]
    status, headers, body = exchange(running.layout.ports.edge, request)
    assert (status, headers["Content-Type"]) == (expected, "application/json")
    refusal = json.loads(body)
    assert set(refusal) == {"error", "code", "errors", "request_id"}
    assert refusal["code"] == code
    assert refusal["request_id"] == headers["X-Request-Id"]
    assert "nginx" not in body.decode()


def test_503_with_our_error_body_when_the_gateway_is_away(cluster: Cluster, api: Client) -> None:
    cluster.stop("gateway")
    response = api.get("/api/emails", headers={"X-Request-Id": "while-away"})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["X-Request-Id"] == "while-away"
    assert response.json() == {
        "error": "The service is starting or overloaded. Try again shortly.",
        "code": "unavailable",
        "errors": [],
        "request_id": "while-away",
    }


@pytest.mark.parametrize("given", ["a" * 129, "a b", "ä", '"}', "<script>"])
def test_request_id_is_ours_when_the_given_one_could_forge_a_log(api: Client, given: str) -> None:
    for path in ("/healthz", "/api/t/nothing"):
        response = requests.get(api.url + path, headers={"X-Request-Id": given.encode()}, timeout=10)
        assert re.fullmatch(r"[0-9a-f-]{32,36}", response.headers["X-Request-Id"])


def test_request_id_is_kept_when_it_is_a_sane_one(api: Client) -> None:
    response = api.get("/api/emails", headers={"X-Request-Id": "order-17.4_b"})
    assert response.headers["X-Request-Id"] == "order-17.4_b"
