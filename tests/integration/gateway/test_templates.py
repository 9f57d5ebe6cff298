"""Templates over the API: kept, shown, changed, and what arrives at the relay when an email names one."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Received, Relay
from tests.fixtures.tracking import without_pixel

WELCOME = {
    "subject": "Welcome, {{first_name|there}}!",
    "html": "<p>Hello {{full_name}} at {{email}}: {{metadata.plan}}</p>",
    "text": "Hello {{full_name}} at {{email}}: {{metadata.plan}}",
}
ADA = {"first_name": "Ada <3", "last_name": "O'Hara", "metadata": {"plan": "pro & more"}}


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose templates nobody else counts."""
    return new_client(running)


def made(client: Client, **fields: Any) -> dict[str, Any]:
    """A new template."""
    response = client.post("/api/templates", {"name": str(uuid.uuid4()), **WELCOME, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def sent(client: Client, **fields: Any) -> dict[str, Any]:
    """An email that says nothing by itself."""
    body = {"from": client.sender, "to": f"{uuid.uuid4()}@example.com", **fields}
    response = client.post("/api/send", body)
    assert response.status_code == 202, response.text
    return {**response.json(), "to": body["to"]}


def pointers(response: Any) -> list[str]:
    """Where a refused request is at fault."""
    assert response.status_code == 422, response.text
    return [item["pointer"] for item in response.json()["errors"]]


def arrived(client: Client, relay: Relay, answer: dict[str, Any]) -> Received:
    """The one message that came of an email."""
    client.wait_for_status(answer["id"], "sent")
    (received,) = relay.received(answer["message_id"])
    return received


def said(received: Received, subtype: str) -> str:
    """The body of a kind, as a reader sees it."""
    part = received.message.get_body((subtype,))
    assert part is not None
    return without_pixel(str(part.get_content())).strip()


def test_a_template_is_shown_listed_changed_and_deleted(tenant: Client) -> None:
    template = made(tenant, name="Welcome")
    assert template["variables"] == ["first_name", "full_name", "email", "metadata.plan"]
    path = f"/api/templates/{template['id']}"
    assert tenant.get(path).json() == template
    page = tenant.get("/api/templates").json()
    assert [item["name"] for item in page["data"]] == ["Welcome"]
    assert not {"html", "text"} & page["data"][0].keys()
    changed = tenant.request("PATCH", path, json={"subject": "Hi {{last_name}}", "text": None}).json()
    assert (changed["subject"], changed["text"], changed["html"]) == (
        "Hi {{last_name}}",
        None,
        WELCOME["html"],
    )
    assert changed["updated_at"] > template["updated_at"]
    assert tenant.request("PATCH", path, json={}).json() == changed
    assert tenant.request("DELETE", path).json() == changed
    assert tenant.get(path).status_code == tenant.request("DELETE", path).status_code == 404


def test_templates_come_in_pages_newest_first(running: Cluster) -> None:
    client = new_client(running)
    ids = [made(client)["id"] for _ in range(3)]
    first = client.get("/api/templates?limit=2").json()
    assert ([item["id"] for item in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    second = client.get(f"/api/templates?limit=2&after={ids[1]}").json()
    assert ([item["id"] for item in second["data"]], second["has_more"]) == (ids[:1], False)


def test_a_name_is_refused_when_the_account_has_it_already(tenant: Client, other_tenant: Client) -> None:
    name = str(uuid.uuid4())
    made(tenant, name=name)
    made(other_tenant, name=name)
    other = made(tenant)
    for response in (
        tenant.post("/api/templates", {"name": name, **WELCOME}),
        tenant.request("PATCH", f"/api/templates/{other['id']}", json={"name": name}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "template_name_taken")
        assert response.json()["errors"][0]["pointer"] == "/name"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"html": "<p>\n {{first_name</p>"}, ["/html"]),
        ({"subject": "{{#if x}}", "text": "{{1}}"}, ["/subject", "/text"]),
        ({"html": None, "text": ""}, ["/html"]),
        ({"subject": "a\r\nBcc: b@example.com"}, ["/subject"]),
        ({"name": ""}, ["/name"]),
        ({"name": "x" * 256}, ["/name"]),
        ({"body": "x"}, ["/body"]),
    ],
)
def test_a_template_is_refused_when_it_is_none(
    tenant: Client, fields: dict[str, Any], expected: list[str]
) -> None:
    template = {"name": str(uuid.uuid4()), **WELCOME, **fields}
    assert pointers(tenant.post("/api/templates", template)) == expected
    path = f"/api/templates/{made(tenant)['id']}"
    assert pointers(tenant.request("PATCH", path, json=fields)) == expected


def test_a_syntax_error_names_its_line_and_column(tenant: Client) -> None:
    template = {"name": "x", **WELCOME, "html": "<p>\n  {{first name}}</p>"}
    (error,) = tenant.post("/api/templates", template).json()["errors"]
    assert error["pointer"] == "/html"
    assert error["detail"].startswith("Line 2, column 3: '{{first name}}'")


def test_other_accounts_see_and_use_nothing_of_a_template(tenant: Client, other_tenant: Client) -> None:
    id = made(tenant)["id"]
    path = f"/api/templates/{id}"
    assert other_tenant.get(path).status_code == 404
    assert other_tenant.request("PATCH", path, json={"name": "mine"}).status_code == 404
    assert other_tenant.request("DELETE", path).status_code == 404
    assert other_tenant.post(f"{path}/preview", {}).status_code == 404
    email = {"from": other_tenant.sender, "to": "ada@example.com", "template_id": id}
    assert pointers(other_tenant.post("/api/send", email)) == ["/template_id"]


def test_a_preview_says_what_an_email_would_say(tenant: Client) -> None:
    template = made(tenant)
    preview = tenant.post(f"/api/templates/{template['id']}/preview", {"variables": ADA}).json()
    assert preview == {
        "subject": "Welcome, Ada <3!",
        "html": "<p>Hello Ada &lt;3 O&#x27;Hara at : pro &amp; more</p>",
        "text": "Hello Ada <3 O'Hara at : pro & more",
        "variables": template["variables"],
    }


def test_an_email_says_what_its_template_says_with_its_own_values(tenant: Client, relay: Relay) -> None:
    answer = sent(tenant, template_id=made(tenant)["id"], variables=ADA, from_name="For {{first_name}}")
    received = arrived(tenant, relay, answer)
    assert received.message["Subject"] == "Welcome, Ada <3!"
    assert received.message["From"].addresses[0].display_name == "For Ada <3"
    assert said(received, "html") == f"<p>Hello Ada &lt;3 O&#x27;Hara at {answer['to']}: pro &amp; more</p>"
    assert said(received, "plain") == f"Hello Ada <3 O'Hara at {answer['to']}: pro & more"
    assert tenant.email(answer["id"])["subject"] == "Welcome, Ada <3!"


def test_what_an_email_says_itself_goes_before_its_template(tenant: Client, relay: Relay) -> None:
    answer = sent(tenant, template_id=made(tenant)["id"], subject="{{nobody|Own}}", text="{{nobody}}own text")
    received = arrived(tenant, relay, answer)
    assert received.message["Subject"] == "Own"
    assert said(received, "plain") == "own text"
    assert said(received, "html") == f"<p>Hello  at {answer['to']}: </p>"


def test_braces_are_text_when_an_email_has_neither_template_nor_variables(
    tenant: Client, relay: Relay
) -> None:
    bare = sent(tenant, subject="{{a}}", text="{{a}} {{ {{#if}}")
    filled = sent(tenant, subject="{{a}}", text="{{a}}", variables={"a": "b"})
    assert said(arrived(tenant, relay, bare), "plain") == "{{a}} {{ {{#if}}"
    assert said(arrived(tenant, relay, filled), "plain") == "b"


@pytest.mark.parametrize("fate", ["DELETE", "PATCH"])
def test_a_scheduled_email_keeps_its_text_when_its_template_is_changed_or_deleted(
    tenant: Client, relay: Relay, fate: str
) -> None:
    template = made(tenant)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = sent(tenant, template_id=template["id"], variables=ADA, send_at=tomorrow)
    change = {"subject": "Changed", "html": "Changed", "text": "Changed"} if fate == "PATCH" else None
    assert tenant.request(fate, f"/api/templates/{template['id']}", json=change).status_code == 200
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert tenant.request("PATCH", f"/api/emails/{answer['id']}", json={"send_at": soon}).status_code == 200
    received = arrived(tenant, relay, answer)
    assert received.message["Subject"] == "Welcome, Ada <3!"
    assert said(received, "plain").startswith("Hello Ada <3 O'Hara")


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x85"])
def test_no_header_is_added_when_a_value_holds_a_line_break(
    tenant: Client, relay: Relay, break_: str
) -> None:
    wicked = f"x{break_}Bcc: eve@example.com{break_}{break_}<p>body"
    answer = sent(
        tenant,
        subject="Hi {{first_name}}",
        text="{{first_name}}",
        from_name="{{first_name}}",
        variables={"first_name": wicked},
    )
    received = arrived(tenant, relay, answer)
    assert received.message["Bcc"] is None
    assert received.message["Subject"] == "Hi x Bcc: eve@example.com <p>body"
    assert received.message["From"].addresses[0].display_name == "x Bcc: eve@example.com <p>body"
    assert received.recipients == [answer["to"]]


@pytest.mark.parametrize(
    ("fields", "status", "pointer"),
    [
        ({"template_id": str(uuid.uuid4())}, 422, "/template_id"),
        ({"template_id": "x"}, 422, "/template_id"),
        ({"variables": {}, "subject": "Hi", "text": "{{oops"}, 422, "/text"),
        ({"variables": {}, "subject": "Hi", "text": "x", "from_name": "{{oops"}, 422, "/from_name"),
        ({"variables": {"a": "x" * 999}, "subject": "{{a}}", "text": "x"}, 422, "/subject"),
        ({"variables": {"a": "x" * 60_000}, "subject": "x", "html": "{{a}}" * 90}, 413, "/html"),
        ({"variables": {"a": "x" * 66_000}, "subject": "x", "text": "x"}, 422, "/variables"),
        ({"variables": [], "subject": "x", "text": "x"}, 422, "/variables"),
        ({"variables": {}, "text": "x"}, 422, "/subject"),
        ({"variables": {}, "subject": "x"}, 422, "/html"),
    ],
)
def test_an_email_is_refused_when_its_template_or_variables_will_not_do(
    tenant: Client, fields: dict[str, Any], status: int, pointer: str
) -> None:
    response = tenant.post("/api/send", {"from": tenant.sender, "to": "ada@example.com", **fields})
    assert response.status_code == status, response.text
    assert [item["pointer"] for item in response.json()["errors"]] == [pointer]


def test_variables_are_refused_when_they_are_nested_without_end(tenant: Client) -> None:
    nested: Any = "x"
    for _ in range(50):
        nested = {"a": [nested]}
    email = {"from": tenant.sender, "to": "ada@example.com", "subject": "x", "text": "x", "variables": nested}
    assert pointers(tenant.post("/api/send", email)) == ["/variables"]


def test_a_batch_stores_what_its_emails_share_once_and_each_has_its_own_values(
    tenant: Client, relay: Relay, database: Database
) -> None:
    id = made(tenant)["id"]
    emails = [
        {"to": f"{name}-{uuid.uuid4()}@example.com", "template_id": id, "variables": {"first_name": name}}
        for name in ("Ada", "Grace", "Mary")
    ]
    unknown = {"to": "x@example.com", "template_id": str(uuid.uuid4())}
    *results, failed = tenant.post("/api/send/batch", {"emails": [*emails, unknown]}).json()["results"]
    assert (failed["status"], failed["errors"][0]["pointer"]) == ("failed", "/emails/3/template_id")
    subjects = [arrived(tenant, relay, result).message["Subject"] for result in results]
    assert subjects == ["Welcome, Ada!", "Welcome, Grace!", "Welcome, Mary!"]
    rows = database.all(
        "SELECT DISTINCT content_id FROM emails WHERE id = ANY(CAST(:ids AS uuid[]))",
        ids=[result["id"] for result in results],
    )
    assert len(rows) == 1


def test_the_same_bytes_go_out_again_when_the_reply_to_a_filled_in_email_was_lost(
    tenant: Client, relay: Relay
) -> None:
    answer = sent(
        tenant,
        to=f"lost-once@{uuid.uuid4().hex}.example.com",
        template_id=made(tenant)["id"],
        variables={"first_name": 1e22, "metadata": {"plan": [1, 2.50, True]}},
    )
    tenant.wait_for_status(answer["id"], "sent")
    first, second = relay.received(answer["message_id"])
    assert first.raw == second.raw


def test_a_key_that_only_sends_uses_templates_and_changes_none(tenant: Client) -> None:
    id = made(tenant)["id"]
    limited = tenant.post(
        "/api/credentials",
        {"domain_id": _domain_id(tenant), "username": "sender", "scopes": ["send"]},
    ).json()
    sender = replace(tenant, key=limited["api_key"], sender=limited["email"])
    assert sender.get(f"/api/templates/{id}").status_code == 403
    assert sender.request("DELETE", f"/api/templates/{id}").status_code == 403
    sent(sender, template_id=id)


def _domain_id(client: Client) -> str:
    return str(client.get("/api/credentials").json()["data"][0]["domain_id"])
