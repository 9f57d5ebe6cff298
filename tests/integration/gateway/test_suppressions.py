"""The suppression list over the API, and what it does to a send."""

from __future__ import annotations

import csv
import io
import uuid
from urllib.parse import quote

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database

LIST = "/api/suppressions"


@pytest.fixture(scope="module")
def owner(running: Cluster) -> Client:
    """A tenant whose list these tests fill."""
    return new_client(running)


def fresh(local: str = "ada") -> str:
    return f"{local}@{uuid.uuid4().hex}.example.com"


def add(client: Client, *emails: str, reason: str = "manual") -> None:
    response = client.post(LIST, {"emails": list(emails), "reason": reason})
    assert response.status_code == 201, response.text


def test_added_address_is_shown_in_the_form_in_which_it_is_compared(owner: Client) -> None:
    email = f"Ada@{uuid.uuid4().hex}.MÜNCHEN.example.com"
    response = owner.post(LIST, {"email": email})
    assert response.status_code == 201, response.text
    (shown,) = response.json()["data"]
    assert shown["email"].startswith("ada@")
    assert shown["email"].endswith(".xn--mnchen-3ya.example.com")
    assert (shown["reason"], shown["source"], shown["email_id"]) == ("manual", "api", None)
    assert owner.get(f"{LIST}/{quote(email.upper())}").json() == shown


@pytest.mark.parametrize("local", ["a/b", "a+b", "a%b", "ꭰ", "straße"])
def test_address_with_an_odd_local_part_is_added_found_and_removed(owner: Client, local: str) -> None:
    email = fresh(local)
    add(owner, email)
    path = f"{LIST}/{quote(email, safe='')}"
    assert owner.get(path).status_code == 200
    assert owner.request("DELETE", path).status_code == 200
    assert owner.get(path).status_code == 404
    assert owner.request("DELETE", path).json()["code"] == "not_found"


def test_stronger_reason_stands_when_a_weaker_one_follows(owner: Client) -> None:
    email = fresh()
    for reason, stands in (
        ("unsubscribe", "unsubscribe"),
        ("hard_bounce", "hard_bounce"),
        ("unsubscribe", "hard_bounce"),
        ("manual", "manual"),
        ("complaint", "complaint"),
        ("manual", "complaint"),
    ):
        add(owner, email, reason=reason)
        assert owner.get(f"{LIST}/{email}").json()["reason"] == stands


def test_list_is_paged_searched_and_filtered(running: Cluster) -> None:
    owner = new_client(running)
    bounced = [fresh("bounced") for _ in range(3)]
    add(owner, *bounced, reason="hard_bounce")
    add(owner, *(fresh("100%_left") for _ in range(2)), reason="complaint")
    first = owner.get(LIST, params={"limit": 4}).json()
    assert (len(first["data"]), first["has_more"]) == (4, True)
    rest = owner.get(LIST, params={"limit": 4, "after": first["data"][-1]["id"]}).json()
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    back = owner.get(LIST, params={"limit": 4, "before": rest["data"][0]["id"]}).json()
    assert back["data"] == first["data"]
    found = owner.get(LIST, params={"reason": "hard_bounce"}).json()["data"]
    assert {item["email"] for item in found} == set(bounced)
    assert len(owner.get(LIST, params={"search": "0%_LEFT"}).json()["data"]) == 2
    assert owner.get(LIST, params={"search": "nobody"}).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": "a@example.com", "emails": ["b@example.com"]}, "/email"),
        ({"emails": []}, "/emails"),
        ({"emails": ["a@example.com", "b@"]}, "/emails/1"),
        ({"emails": ["a@example.com"] * 1001}, "/emails"),
        ({"email": "a@example.com", "reason": "whim"}, "/reason"),
    ],
)
def test_adding_is_refused_with_a_pointer_when_the_request_is_wrong(
    owner: Client, body: dict[str, object], pointer: str
) -> None:
    response = owner.post(LIST, body)
    assert response.status_code == 422
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]


def test_csv_is_imported_with_a_fault_for_each_bad_row_and_again_without_effect(owner: Client) -> None:
    good, bounced = fresh("good"), fresh("bounced")
    text = (
        f"Name,Email,Reason\r\nA,{good},\r\nB,not an address,\r\nC,{bounced},HARD_BOUNCE\r\nD,{good},whim\r\n"
    )
    files = {"file": ("contacts.csv", text.encode("utf-8-sig"), "text/csv")}
    first = owner.request("POST", f"{LIST}/import", files=files)
    assert first.status_code == 200, first.text
    body = first.json()
    assert (body["added"], body["unchanged"], body["rejected"]) == (2, 0, 2)
    assert [item["line"] for item in body["errors"]] == [3, 5]
    assert owner.get(f"{LIST}/{bounced}").json()["reason"] == "hard_bounce"
    again = owner.request("POST", f"{LIST}/import", data=text.encode(), headers={"Content-Type": "text/csv"})
    assert (again.json()["added"], again.json()["unchanged"]) == (0, 2)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"email\n" + b"x" * (10 * 1024 * 1024), "text/csv", 413),
        (b"a@example.com\n\xff@example.com\n", "text/csv", 422),
        (b'"a@example.com\n', "text/csv", 422),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 422),
    ],
)
def test_import_is_refused_when_the_file_is_too_large_or_no_csv(
    owner: Client, body: bytes, content_type: str, status: int
) -> None:
    response = owner.request("POST", f"{LIST}/import", data=body, headers={"Content-Type": content_type})
    assert response.status_code == status, response.text


def test_export_holds_the_whole_list_without_formulas_and_can_be_imported_again(running: Cluster) -> None:
    owner = new_client(running)
    formula, plain = fresh("=cmd"), fresh("plain")
    add(owner, formula, plain, reason="complaint")
    response = owner.get(f"{LIST}/export")
    assert response.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert {row["email"] for row in rows} == {f"'{formula}", plain}
    assert {row["reason"] for row in rows} == {"complaint"}
    for email in (formula, plain):
        assert owner.request("DELETE", f"{LIST}/{quote(email)}").status_code == 200
    files = {"file": ("again.csv", response.content, "text/csv")}
    assert owner.request("POST", f"{LIST}/import", files=files).json()["added"] == 2
    assert owner.get(f"{LIST}/{quote(formula)}").json()["reason"] == "complaint"


def test_send_is_refused_and_names_each_recipient_that_is_suppressed(
    owner: Client, database: Database
) -> None:
    one, two, free = fresh(), fresh(), fresh()
    add(owner, one, reason="hard_bounce")
    add(owner, two, reason="complaint")
    body = {"from": owner.sender, "subject": "no", "text": "no"}
    single = owner.post("/api/send", {**body, "to": one.upper()})
    assert single.status_code == 422
    assert single.json()["code"] == "recipient_suppressed"
    assert [fault["pointer"] for fault in single.json()["errors"]] == ["/to"]
    several = owner.post("/api/send", {**body, "to": [free, one], "bcc": [two]})
    assert [fault["pointer"] for fault in several.json()["errors"]] == ["/to/1", "/bcc/0"]
    assert one in several.json()["errors"][0]["detail"]
    assert database.all("SELECT 1 FROM recipients WHERE address = :free", free=free) == []


def test_unsubscribed_address_still_gets_transactional_mail(owner: Client) -> None:
    email = fresh()
    add(owner, email, reason="unsubscribe")
    owner.wait_for_status(owner.send(to=email)["id"], "sent")


def test_other_tenants_neither_see_nor_feel_a_suppression(owner: Client, other_tenant: Client) -> None:
    email = fresh()
    add(owner, email)
    assert other_tenant.get(f"{LIST}/{email}").status_code == 404
    assert other_tenant.request("DELETE", f"{LIST}/{email}").status_code == 404
    assert email not in other_tenant.get(f"{LIST}/export").text
    assert other_tenant.get(LIST, params={"search": email}).json()["data"] == []
    other_tenant.send(to=email)
    assert owner.get(f"{LIST}/{email}").status_code == 200
