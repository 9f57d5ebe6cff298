"""Signatures: the published vectors, and the libraries that customers verify with."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import standardwebhooks
import svix

from services.webhooks.sign import headers, signature
from shared.webhook_secrets import new_secret, shown

VECTORS = [
    # standard-webhooks, tests of its libraries
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    # Svix's documentation
    (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
]
LIBRARIES: list[Any] = [standardwebhooks.Webhook, svix.Webhook]


@pytest.mark.parametrize("vector", VECTORS, ids=["standard", "svix"])
def test_published_vector_is_signed_alike(vector: tuple[str, str, int, bytes, str]) -> None:
    secret, id, stamp, body, expected = vector
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert signature(key, id, stamp, body) == expected


@pytest.mark.parametrize("library", LIBRARIES)
def test_customers_libraries_verify_with_either_secret_of_a_rotation(library: Any) -> None:
    new, old, body = new_secret(), new_secret(), json.dumps({"type": "email.sent"}).encode()
    sent = headers([new, old], "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e", int(time.time()), body)
    for secret in (new, old):
        library(shown(secret)).verify(body, sent)  # raises where it does not


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("age", [-301, 305])
def test_signature_of_another_time_or_secret_is_refused(library: Any, age: int) -> None:
    secret, body = new_secret(), b"{}"
    stale = headers([secret], "a", int(time.time()) + age, body)
    with pytest.raises(Exception, match="timestamp"):
        library(shown(secret)).verify(body, stale)
    with pytest.raises(Exception, match="matching signature"):
        library(shown(new_secret())).verify(body, headers([secret], "a", int(time.time()), body))


def test_both_families_of_headers_carry_the_same() -> None:
    sent = headers([new_secret()], "id", 1, b"{}")
    assert {name: sent[f"webhook-{name}"] for name in ("id", "timestamp", "signature")} == {
        name: sent[f"svix-{name}"] for name in ("id", "timestamp", "signature")
    }
