"""Campaigns over the API: drafts, their states, what may be asked of each, previews and tests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import SIMULATED, draft, fill, new_list
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own."""
    return new_client(running)


def shown(api: Client, campaign: str) -> dict[str, Any]:
    response = api.get(f"/api/campaigns/{campaign}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_the_reference_example_makes_a_draft(api: Client) -> None:
    list_id = new_list(api)
    body = {
        "name": "Welcome Series",
        "subject": "Welcome to our platform",
        "from_email": api.sender,
        "from_name": "Your Brand",
        "list_id": list_id,
        "content_html": "<h1>Welcome {{first_name}}!</h1>",
        "content_text": "Welcome {{first_name}}!",
    }
    response = api.post("/api/campaigns", body)
    assert response.status_code == 201, response.text
    made = response.json()
    assert made["status"] == "draft"
    assert {key: made[key] for key in body} == body
    assert shown(api, made["id"]) == made
    assert made["id"] in [item["id"] for item in api.get("/api/campaigns").json()["data"]]


@pytest.mark.parametrize(
    ("field", "value", "status", "pointer"),
    [
        ("from_email", "news@elsewhere.test", 403, "/from_email"),
        ("from_email", "no address", 422, "/from_email"),
        ("list_id", str(uuid.uuid4()), 422, "/list_id"),
        ("tag_ids", [str(uuid.uuid4())], 422, "/tag_ids"),
        ("segment_id", str(uuid.uuid4()), 422, "/segment_id"),
        ("template_id", str(uuid.uuid4()), 422, "/template_id"),
        ("subject", "a\nb", 422, "/subject"),
        ("subject", "{{", 422, "/subject"),
        ("content_html", "<p>{{first name}}</p>", 422, "/content_html"),
        ("rate_limit", "fast", 422, "/rate_limit"),
        ("rate_limit", "5/second, 10/minute", 422, "/rate_limit"),
    ],
)
def test_what_a_campaign_cannot_have_is_refused_by_name(
    api: Client, field: str, value: object, status: int, pointer: str
) -> None:
    body = {"name": "x", "subject": "x", "from_email": api.sender, "content_html": "<p>x</p>", field: value}
    response = api.post("/api/campaigns", body)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["pointer"] == pointer


def test_subject_and_bodies_that_are_not_given_are_the_templates(api: Client) -> None:
    template = api.post("/api/templates", {"name": uuid.uuid4().hex, "subject": "T", "text": "Hi {{email}}"})
    made = api.post(
        "/api/campaigns",
        {"name": "x", "from_email": api.sender, "subject": "Mine", "template_id": template.json()["id"]},
    ).json()
    assert (made["subject"], made["content_text"], made["content_html"]) == ("Mine", "Hi {{email}}", None)


def test_a_campaign_without_a_body_is_refused(api: Client) -> None:
    response = api.post("/api/campaigns", {"name": "x", "subject": "x", "from_email": api.sender})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/content_html")


def test_a_draft_is_changed_and_deleted(api: Client) -> None:
    campaign = draft(api, None)
    changed = api.request(
        "PATCH", f"/api/campaigns/{campaign}", json={"subject": "Other", "rate_limit": "5/minute"}
    )
    assert (changed.json()["subject"], changed.json()["rate_limit"]) == ("Other", "5/minute")
    assert api.request("DELETE", f"/api/campaigns/{campaign}").status_code == 200
    assert api.get(f"/api/campaigns/{campaign}").status_code == 404


def test_a_wrong_move_is_refused_naming_the_state(api: Client) -> None:
    campaign = draft(api, new_list(api))
    for move in ("pause", "resume", "cancel"):
        response = api.request("POST", f"/api/campaigns/{campaign}/{move}")
        assert (response.status_code, response.json()["code"]) == (409, "wrong_state")
        assert "draft" in response.json()["error"]


def test_a_scheduled_campaign_begins_at_its_time(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 3, SIMULATED))
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    response = api.post(f"/api/campaigns/{campaign}/schedule", {"send_at": soon})
    assert (response.status_code, response.json()["status"]) == (200, "scheduled")
    wait_for(lambda: shown(api, campaign)["status"] == "sent", "it to be sent", 30)
    assert shown(api, campaign)["total"] == 3


def test_a_scheduled_campaign_can_be_changed_moved_and_cancelled(api: Client) -> None:
    campaign = draft(api, new_list(api))
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for _ in range(2):
        assert api.post(f"/api/campaigns/{campaign}/schedule", {"send_at": later}).status_code == 200
    assert api.request("PATCH", f"/api/campaigns/{campaign}", json={"name": "Later"}).status_code == 200
    assert api.request("POST", f"/api/campaigns/{campaign}/cancel").json()["status"] == "cancelled"
    assert api.request("POST", f"/api/campaigns/{campaign}/send").status_code == 409


def test_a_sent_campaign_is_frozen_and_its_clone_is_a_draft(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 2, SIMULATED))
    assert api.request("POST", f"/api/campaigns/{campaign}/send").status_code == 202
    wait_for(lambda: shown(api, campaign)["status"] == "sent", "it to be sent", 30)
    refused = api.request("PATCH", f"/api/campaigns/{campaign}", json={"subject": "New"})
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    clone = api.request("POST", f"/api/campaigns/{campaign}/clone")
    assert clone.status_code == 201, clone.text
    assert (clone.json()["status"], clone.json()["name"]) == ("draft", "Copy of News")
    assert clone.json()["content_html"] == shown(api, campaign)["content_html"]


def test_sending_twice_with_one_idempotency_key_answers_alike(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 1, SIMULATED))
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (
        api.request("POST", f"/api/campaigns/{campaign}/send", headers=headers) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert api.request("POST", f"/api/campaigns/{campaign}/send").status_code == 409


def test_a_preview_shows_what_one_contact_reads_and_escapes_it(api: Client) -> None:
    contact = api.post("/api/contacts", {"email": f"{uuid.uuid4().hex}@example.com", "first_name": "<Ada>"})
    campaign = draft(api, None, content_text=None)
    said = api.post(f"/api/campaigns/{campaign}/preview", {"contact_id": contact.json()["id"]}).json()
    assert said["subject"] == "News for <Ada>"
    assert "Hi &lt;Ada&gt;" in said["html"]
    assert ">Unsubscribe</a>" in said["html"]
    assert [item["code"] for item in said["warnings"]] == ["unsubscribe_link_added"]


def test_html_that_gmail_clips_is_warned_of(api: Client) -> None:
    campaign = draft(api, None, content_html="<p>x</p>" * 15_000 + "{{unsubscribe_url}}")
    assert [item["code"] for item in shown(api, campaign)["warnings"]] == ["html_too_large"]


def test_a_test_goes_to_the_addresses_asked_for(api: Client, relay: Relay) -> None:
    campaign = draft(api, None)
    to = f"{uuid.uuid4().hex}@example.com"
    answer = api.post(f"/api/campaigns/{campaign}/test", {"to": [to], "variables": {"first_name": "Ada"}})
    assert answer.status_code == 202, answer.text
    sent = api.wait_for_status(answer.json()["emails"][0]["id"], "sent")
    (received,) = relay.received(sent["message_id"])
    assert received.recipients == [to]
    assert received.message["Subject"] == "[Test] News for Ada"
    assert shown(api, campaign)["status"] == "draft"


def test_the_postal_address_of_the_account_stands_below(api: Client) -> None:
    api.request("PATCH", "/api/account", json={"postal_address": "Example Ltd\n1 <High> Street"})
    said = api.post(f"/api/campaigns/{draft(api, None)}/preview", {}).json()
    api.request("PATCH", "/api/account", json={"postal_address": None})
    assert "Example Ltd<br>1 &lt;High&gt; Street" in said["html"]
    assert "Example Ltd\n1 <High> Street" in said["text"]
