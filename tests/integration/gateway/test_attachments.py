"""Attachments over the API: what arrives at the relay, what is stored of them, and what is refused."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.relay import Received, Relay
from tests.fixtures.waiting import wait_for
from tests.integration.sender.test_signed import published, verifies

MEGABYTE = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PDF = random.Random(7).randbytes(100_000)


def file(name: str, data: bytes, **fields: Any) -> dict[str, Any]:
    """An attachment as a client gives it."""
    return {"filename": name, "content": base64.b64encode(data).decode(), **fields}


def unique(size: int) -> bytes:
    """A file that no other test sends."""
    return uuid.uuid4().bytes + bytes(size)


def arrived(client: Client, relay: Relay, answer: dict[str, Any]) -> Received:
    """The one message that came of an email."""
    client.wait_for_status(answer["id"], "sent")
    (received,) = relay.received(answer["message_id"])
    return received


def files(received: Received) -> list[tuple[str | None, str, bytes]]:
    """Name, type and content of each attachment, as a reader finds them."""
    return [
        (part.get_filename(), part.get_content_type(), bytes(part.get_payload(decode=True)))
        for part in received.message.iter_attachments()
    ]


def stored(database: Database, ids: Sequence[str]) -> int:
    """How many files these emails have together in the database."""
    ((count,),) = database.all(
        "SELECT count(*) FROM files WHERE id IN (SELECT file_id FROM attachments WHERE content_id IN"
        " (SELECT content_id FROM emails WHERE id = ANY(CAST(:ids AS uuid[]))))",
        ids=list(ids),
    )
    return int(count)


def test_files_arrive_as_they_were_sent_and_the_email_lists_them(
    api: Client, relay: Relay, database: Database
) -> None:
    sent = api.send(
        html='<img src="cid:logo@1">',
        text="Hi",
        attachments=[
            file("Rechnung für Zoë 請求書 №1.pdf", PDF),
            file("logo.png", PNG, content_id="logo@1"),
            file("data.bin", b"", content_type="application/x-empty"),
        ],
    )
    received = arrived(api, relay, sent)
    assert files(received) == [
        ("Rechnung für Zoë 請求書 №1.pdf", "application/pdf", PDF),
        ("data.bin", "application/x-empty", b""),
    ]
    (logo,) = [part for part in received.message.walk() if part["Content-ID"]]
    assert (logo["Content-ID"], logo.get_content_disposition()) == ("<logo@1>", "inline")
    assert logo.get_payload(decode=True) == PNG
    assert received.raw.isascii()
    assert verifies(received.raw, published(database, api.domain))
    assert api.email(sent["id"])["attachments"] == [
        {
            "filename": "Rechnung für Zoë 請求書 №1.pdf",
            "content_type": "application/pdf",
            "size": len(PDF),
            "content_id": None,
        },
        {"filename": "logo.png", "content_type": "image/png", "size": len(PNG), "content_id": "logo@1"},
        {"filename": "data.bin", "content_type": "application/x-empty", "size": 0, "content_id": None},
    ]


def test_an_email_without_attachments_lists_none(api: Client) -> None:
    assert api.email(api.send()["id"])["attachments"] == []


def test_the_largest_attachment_arrives_and_one_byte_more_is_413(
    api: Client, relay: Relay, database: Database
) -> None:
    data = random.Random(8).randbytes(20 * MEGABYTE)
    received = arrived(api, relay, api.send(attachments=[file("large.bin", data)]))
    ((_, _, content),) = files(received)
    assert content == data
    assert verifies(received.raw, published(database, api.domain))
    email = {"from": api.sender, "to": "ada@example.com", "subject": "x", "text": "x"}
    response = api.post("/api/send", {**email, "attachments": [file("large.bin", data + b"x")]})
    assert (response.status_code, response.json()["code"]) == (413, "attachments_too_large")
    assert response.json()["errors"][0]["pointer"] == "/attachments"


def test_the_same_bytes_go_out_again_when_the_reply_to_a_message_with_a_file_was_lost(
    api: Client, relay: Relay, database: Database
) -> None:
    sent = api.send(
        to=f"lost-once@{uuid.uuid4().hex}.example.com",
        html="x",
        attachments=[file("ü.pdf", PDF), file("a.png", PNG, content_id="a")],
    )
    api.wait_for_status(sent["id"], "sent")
    first, second = relay.received(sent["message_id"])
    assert first.raw == second.raw
    assert verifies(second.raw, published(database, api.domain))


def test_a_batch_stores_a_file_that_all_its_emails_carry_once(
    api: Client, relay: Relay, database: Database
) -> None:
    data = unique(20_000)
    emails = [
        {
            "to": f"{uuid.uuid4()}@example.com",
            "subject": f"Number {number}",
            "text": "Hi",
            "attachments": [file(f"number-{number}.bin", data)],
        }
        for number in range(100)
    ]
    results = api.post("/api/send/batch", {"emails": emails}).json()["results"]
    assert {result["status"] for result in results} == {"sent"}
    assert stored(database, [result["id"] for result in results]) == 1
    message_ids = [result["message_id"] for result in results]
    wait_for(lambda: relay.count(message_ids) == len(emails), "the whole batch to arrive")
    for number, message_id in enumerate(message_ids):
        (received,) = relay.received(message_id)
        assert files(received) == [(f"number-{number}.bin", "application/octet-stream", data)]


def test_emails_keep_their_own_files_when_a_batch_mixes_them(
    api: Client, relay: Relay, database: Database
) -> None:
    one, other = unique(10), unique(2 * MEGABYTE)
    carried = [[one], [other], [], [one, other], [other, one], [one]]
    emails = [
        {
            "to": f"{uuid.uuid4()}@example.com",
            "subject": "Hi",
            "text": "Hi",
            "attachments": [file("a.bin", data) for data in those],
        }
        for those in carried
    ]
    results = api.post("/api/send/batch", {"emails": emails}).json()["results"]
    for those, result in zip(carried, results, strict=True):
        assert [data for _, _, data in files(arrived(api, relay, result))] == those
    assert stored(database, [result["id"] for result in results]) == 2


def test_only_the_email_at_fault_fails_when_one_of_a_batch_has_a_bad_attachment(
    api: Client, relay: Relay
) -> None:
    email = {"to": "ada@example.com", "subject": "Hi", "text": "Hi"}
    large = file("a.bin", bytes(20 * MEGABYTE + 1))
    bad = [[file("a.exe", b"x")], [{"filename": "a.txt", "content": "?"}], [large]]
    emails: list[dict[str, Any]] = [{**email, "attachments": items} for items in bad]
    *failed, good = api.post("/api/send/batch", {"emails": [*emails, email]}).json()["results"]
    assert [(item["status"], item["code"], item["errors"][0]["pointer"]) for item in failed] == [
        ("failed", "validation_error", "/emails/0/attachments/0/filename"),
        ("failed", "validation_error", "/emails/1/attachments/0/content"),
        ("failed", "attachments_too_large", "/emails/2/attachments"),
    ]
    assert good["status"] == "sent"


@pytest.mark.parametrize(
    ("attachment", "pointer"),
    [
        (file("setup.exe", b"x"), "filename"),
        (file("x\r\nX-Evil: 1", b"x"), "filename"),
        (file("a.txt", b"x", content_type="text/plain\r\nX-Evil: 1"), "content_type"),
        (file("a.txt", b"x", content_id="a>\r\nX-Evil: 1"), "content_id"),
        ({"filename": "a.txt", "content": "not base64"}, "content"),
        ({"filename": "a.txt", "path": "http://127.0.0.1/secret"}, "path"),
    ],
)
def test_an_email_is_refused_when_an_attachment_will_not_do(
    api: Client, attachment: dict[str, Any], pointer: str
) -> None:
    email = {"from": api.sender, "to": "ada@example.com", "subject": "x", "text": "x"}
    response = api.post("/api/send", {**email, "attachments": [attachment]})
    assert response.status_code == 422, response.text
    assert [item["pointer"] for item in response.json()["errors"]] == [f"/attachments/0/{pointer}"]


def test_an_email_fails_and_the_next_goes_out_when_its_file_is_gone(
    api: Client, relay: Relay, database: Database
) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    gone, next_ = (api.send(attachments=[file("a.bin", unique(10))], send_at=tomorrow) for _ in range(2))
    database.all(
        "DELETE FROM files WHERE id IN (SELECT file_id FROM attachments JOIN emails USING (content_id)"
        " WHERE emails.id = :id) RETURNING id",
        id=gone["id"],
    )
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    for email in (gone, next_):
        api.request("PATCH", f"/api/emails/{email['id']}", json={"send_at": soon})
    assert "missing" in api.wait_for_status(gone["id"], "failed")["last_error"]
    assert relay.received(gone["message_id"]) == []
    arrived(api, relay, next_)


def test_a_file_is_stored_once_and_kept_for_a_repeat_when_a_key_repeats_the_request(
    api: Client, relay: Relay, database: Database
) -> None:
    body = {
        "from": api.sender,
        "to": f"{uuid.uuid4()}@example.com",
        "subject": "x",
        "text": "x",
        "attachments": [file("a.bin", unique(1000))],
    }
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (api.post("/api/send", body, headers=headers) for _ in range(2))
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    arrived(api, relay, first.json())
    assert stored(database, [first.json()["id"]]) == 1
