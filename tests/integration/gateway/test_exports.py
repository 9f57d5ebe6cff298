"""Contacts out again: lists and segments as files, one person's data, and their erasure."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose contacts nobody else counts."""
    return new_client(running)


@pytest.fixture(scope="module")
def list_id(tenant: Client) -> str:
    """A list of more than one page."""
    id = str(tenant.post("/api/lists", {"name": "x"}).json()["id"])
    people: list[dict[str, Any]] = [{"email": f"p{n}@example.com"} for n in range(1_200)]
    people[0] |= {"first_name": "=1+1", "last_name": "Doe, Jr.", "metadata": {"plan": "pro", "n": {"a": [1]}}}
    people[1] |= {"first_name": "Zoë", "metadata": {"note": "-5\n@x"}}
    for at in range(0, len(people), 600):
        response = tenant.post(f"/api/lists/{id}/contacts/batch", {"contacts": people[at : at + 600]})
        assert response.status_code == 200, response.text
    tenant.post(f"/api/lists/{id}/contacts/unsubscribe", {"emails": ["p2@example.com"]})
    return id


def test_a_list_is_exported_as_csv_without_formulas_and_imported_again(tenant: Client, list_id: str) -> None:
    response = tenant.get(f"/api/lists/{list_id}/export")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    response.encoding = "utf-8"
    rows = {row["email"]: row for row in csv.DictReader(io.StringIO(response.text, newline=""))}
    assert len(rows) == 1_200
    first, second, third = (rows[f"p{n}@example.com"] for n in range(3))
    assert (first["first_name"], first["last_name"]) == ("'=1+1", "Doe, Jr.")
    assert (first["metadata.plan"], first["metadata.n"]) == ("pro", '{"a": [1]}')
    assert (second["first_name"], second["metadata.note"]) == ("Zoë", "'-5\n@x")
    assert (second["status"], third["status"]) == ("subscribed", "unsubscribed")
    mapping = {name: None for name in first if not name.startswith(("email", "first", "last", "metadata.p"))}
    at = tenant.post("/api/lists", {"name": "x"}).json()["id"]
    head = "\n".join(response.text.splitlines()[:1]) + "\n"
    out = io.StringIO(newline="")
    csv.DictWriter(out, list(first)).writerow(first)
    again = tenant.request(
        "POST",
        f"/api/lists/{at}/import",
        files={"file": ("a.csv", (head + out.getvalue()).encode())},
        data={"mapping": json.dumps(mapping)},
    )
    assert (again.status_code, again.json()["skipped"]) == (200, 1), "it says what is known"


def test_a_list_is_exported_as_json_lines(tenant: Client, list_id: str) -> None:
    response = tenant.get(f"/api/lists/{list_id}/export/jsonl")
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    found = [json.loads(line) for line in response.content.decode().splitlines()]
    assert len({item["id"] for item in found}) == 1_200
    (shown,) = tenant.get(f"/api/lists/{list_id}/contacts", params={"search": "p7@"}).json()["data"]
    assert shown in found


def test_a_segment_is_exported_both_ways(tenant: Client, list_id: str) -> None:
    rules = {"field": "email", "operator": "starts_with", "value": "p11"}
    id = tenant.post("/api/segments", {"name": "x", "rules": rules}).json()["id"]
    rows = list(csv.DictReader(io.StringIO(tenant.get(f"/api/segments/{id}/export").text)))
    lines = tenant.get(f"/api/segments/{id}/export/jsonl").text.splitlines()
    assert len(rows) == len(lines) == 111
    assert {row["email"] for row in rows} == {json.loads(line)["email"] for line in lines}


def test_a_person_is_exported_and_erased(tenant: Client, database: Database) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    contact = tenant.post("/api/contacts", {"email": email, "first_name": "Ada"}).json()
    path = f"/api/contacts/{contact['id']}"
    alone = tenant.send(to=email, subject="For Ada alone", text="Dear Ada")
    shared = tenant.send(to=[email, "bob@example.com"], subject="For both", text="Dear both")
    for sent in (alone, shared):
        tenant.wait_for_status(sent["id"], "sent")
    told = tenant.get(f"{path}/export").json()
    assert told["contact"] == tenant.get(path).json()
    assert [item["subject"] for item in told["emails"]] == ["For both", "For Ada alone"]
    tenant.post("/api/suppressions", {"email": email, "reason": "manual"})
    erased = tenant.request("POST", f"{path}/erase").json()
    assert erased == {"id": contact["id"], "erased": True, "suppression": "manual"}
    assert tenant.get(path).status_code == 404
    assert tenant.get(f"/api/suppressions/{email}").status_code == 200
    of_one, of_both = tenant.email(alone["id"]), tenant.email(shared["id"])
    assert (of_one["subject"], of_both["subject"]) == ("", "For both")
    bodies = database.all(
        "SELECT contents.text FROM contents JOIN emails ON content_id = contents.id"
        " WHERE emails.id IN (:one, :both) ORDER BY emails.id",
        one=alone["id"],
        both=shared["id"],
    )
    assert bodies == [("",), ("Dear both",)]
    known = f"%{email}%"
    for table in ("emails", "recipients", "events", "contacts", "contents"):
        assert database.all(f"SELECT 1 FROM {table} AS row WHERE row::text LIKE :known", known=known) == []  # noqa: S608


def test_nobody_is_erased_while_mail_to_them_is_under_way(tenant: Client) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    contact = tenant.post("/api/contacts", {"email": email}).json()
    sent = tenant.send(to=email, send_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    refused = tenant.request("POST", f"/api/contacts/{contact['id']}/erase")
    assert (refused.status_code, refused.json()["code"]) == (409, "mail_under_way")
    tenant.request("DELETE", f"/api/emails/{sent['id']}")
    assert tenant.request("POST", f"/api/contacts/{contact['id']}/erase").status_code == 200
