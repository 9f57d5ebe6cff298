"""Signatures, checked by a verifier that had no part in making them (dkimpy)."""

from __future__ import annotations

import base64
import itertools

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sender.dkim import Signer, body_hash
from shared.dkim_keys import PrivateKey

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
HEADERS = [
    "From: =?utf-8?q?Zo=C3=AB?= <hello@example.test>",
    "To: a@example.test,\r\n b@example.test",
    "Subject: hello   there  ",
    "Date: Mon, 01 Jun 2026 09:00:00 +0000",
    "Message-ID: <1@example.test>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "List-Unsubscribe: <https://example.test/u/1>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
]


def record(key: PrivateKey) -> bytes:
    """The DNS record of a key, as a verifier finds it."""
    if isinstance(key, rsa.RSAPrivateKey):
        der = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    raw = key.public_key().public_bytes_raw()
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)


def signed(key: PrivateKey, headers: list[str], body: bytes) -> bytes:
    signer = Signer("example.test", "mm1", key)
    signature = signer.header(headers, body_hash([body]), 1_780_000_000)
    return "\r\n".join([signature, *headers]).encode() + b"\r\n\r\n" + body


def verifies(key: PrivateKey, message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record(key)))


@pytest.mark.parametrize("key", [RSA_KEY, ED_KEY], ids=["rsa", "ed25519"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"Hi\r\n",
        b"Hi\r\n\r\n\r\n",
        b"no line end",
        b" spaces \r\n\ttabs\t\r\n",
        b"x" * 990 + b"\r\n",
    ],
)
def test_signature_verifies(key: PrivateKey, body: bytes) -> None:
    assert verifies(key, signed(key, HEADERS, body))


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200),
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80), max_size=8),
)
def test_any_subject_and_body_verify(subject: str, lines: list[str]) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    assert verifies(ED_KEY, signed(ED_KEY, [*HEADERS[:2], f"Subject: x{subject}", *HEADERS[3:]], body))


@pytest.mark.parametrize(
    "forged",
    [
        lambda message: message.replace(b"hello   there", b"hello where"),
        lambda message: message + b"more\r\n",
        lambda message: message.replace(b"\r\n\r\n", b"\r\nSubject: another\r\n\r\n", 1),
        lambda message: message.replace(b"\r\n\r\n", b"\r\nCc: eve@example.test\r\n\r\n", 1),
        lambda message: message.replace(b"/u/1", b"/u/2"),
    ],
    ids=["subject", "body", "second subject", "added cc", "unsubscribe"],
)
def test_what_was_signed_can_not_be_changed_nor_added_to(forged: object) -> None:
    message = signed(RSA_KEY, HEADERS, b"Hi\r\n")
    assert callable(forged)
    assert not verifies(RSA_KEY, forged(message))


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_body_hash_does_not_depend_on_how_the_body_is_cut(body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in itertools.pairwise(edges)]
    assert body_hash(chunks) == body_hash([body])


def test_signature_is_folded_to_short_lines() -> None:
    header = Signer("example.test", "mm1", RSA_KEY).header(HEADERS, body_hash([b""]), 1)
    assert max(map(len, header.split("\r\n"))) <= 78
