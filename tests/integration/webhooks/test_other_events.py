"""What happens to contacts and campaigns is told, once each, and by nobody who changed nothing."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from shared.clock import iso, now
from shared.confirmations import PATH, Confirmation, Confirmations
from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, fill, new_list
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for


@pytest.fixture
def client(running: Cluster) -> Client:
    """An account of its own: its events are this test's alone."""
    return new_client(running)


class Feed:
    """Reads on where it left off."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._after = client.get("/api/events").json()["next"]

    def told(self, family: str, *types: str) -> list[dict[str, Any]]:
        """The new events of a family, once these are among them: all of these and no others."""
        seen: list[dict[str, Any]] = []
        wanted = Counter(f"{family}.{type}" for type in types)

        def complete() -> bool:
            page = self._client.get("/api/events", params={"after": self._after, "limit": 500}).json()
            self._after = page["next"]
            seen.extend(item for item in page["data"] if item["type"].startswith(f"{family}."))
            return wanted <= Counter(item["type"] for item in seen)

        wait_for(complete, f"{wanted} in the feed")
        assert Counter(item["type"] for item in seen) == wanted
        return sorted(seen, key=lambda item: types.index(item["type"].partition(".")[2]))


def somebody(**fields: Any) -> dict[str, Any]:
    return {"email": f"{uuid.uuid4().hex}@example.com", **fields}


def test_what_becomes_of_contacts_is_told(client: Client) -> None:
    feed, lists = Feed(client), [new_list(client), new_list(client)]
    ada = somebody(first_name="Ada", metadata={"plan": "pro"})
    base = f"/api/lists/{lists[0]}/contacts"
    contact = client.post(base, ada).json()
    created, subscribed = feed.told("contact", "created", "subscribed")
    known = {"contact_id": contact["id"], "email": ada["email"], "first_name": "Ada", "last_name": None}
    assert created["data"] == {**known, "source": "api"}
    assert subscribed["data"] == {**known, "source": "api", "list_id": lists[0]}
    # what says nothing new is not told: the feed would have it before what follows
    client.post(base, ada)
    client.post(base, {"email": ada["email"].upper(), "metadata": {"plan": "pro", "none": None}})
    client.request("PATCH", f"/api/contacts/{contact['id']}", json={"first_name": "Augusta"})
    (updated,) = feed.told("contact", "updated")
    assert updated["data"] == {**known, "first_name": "Augusta", "source": "api"}
    client.post(f"{base}/batch", {"contacts": [{**ada, "first_name": "Ada"}, somebody(), somebody()]})
    feed.told("contact", "updated", *["created"] * 2, *["subscribed"] * 2)
    who = {"emails": [ada["email"]]}
    client.post(f"{base}/unsubscribe", who)
    client.post(f"{base}/unsubscribe", who)
    (left,) = feed.told("contact", "unsubscribed")
    assert left["data"]["list_id"] == lists[0]
    client.post(base, {**ada, "resubscribe": True})
    client.post(f"{base}/remove", who)
    feed.told("contact", "subscribed", "removed")
    client.request("DELETE", f"/api/contacts/{contact['id']}")
    (deleted,) = feed.told("contact", "deleted")
    assert deleted["data"] == {**known, "first_name": None, "source": "api"}


def test_who_is_erased_is_named_by_no_event(client: Client) -> None:
    contact = client.post("/api/contacts", somebody(first_name="Ada")).json()
    feed = Feed(client)
    assert client.post(f"/api/contacts/{contact['id']}/erase", {}).status_code == 200
    (deleted,) = feed.told("contact", "deleted")
    assert deleted["data"]["contact_id"] == contact["id"]
    page = client.get("/api/events", params={"after": ""}).text
    assert contact["email"] not in page
    assert "Ada" not in page


def test_who_is_asked_first_is_told_of_once_they_have_said_yes(running: Cluster, client: Client) -> None:
    feed = Feed(client)
    list_id = client.post("/api/lists", {"name": "Asks", "opt_in": "double"}).json()["id"]
    contact = client.post(f"/api/lists/{list_id}/contacts", somebody()).json()
    feed.told("contact", "created")
    keys = Confirmations([running.layout.secret("master-key")])
    token = keys.token(Confirmation(uuid.UUID(list_id), uuid.UUID(contact["id"])))
    for _ in range(2):
        assert client.request("POST", f"{PATH}{token}").status_code == 200
    (subscribed,) = feed.told("contact", "subscribed")
    assert subscribed["data"]["source"] == "confirmation"


def test_an_import_is_one_event(client: Client) -> None:
    feed, list_id = Feed(client), new_list(client)
    rows = "".join(f"{uuid.uuid4().hex}@example.com\n" for _ in range(30))
    files = {"file": ("contacts.csv", f"email\n{rows}nobody\n".encode(), "text/csv")}
    begun = client.request("POST", f"/api/lists/{list_id}/import", files=files).json()
    (imported,) = feed.told("contact", "imported")
    assert imported["data"] == {
        "import_id": begun["id"],
        "list_id": list_id,
        "status": "completed",
        "rows": 31,
        "added": 30,
        "updated": 0,
        "skipped": 0,
        "rejected": 1,
        "suppressed": 0,
    }


def test_what_becomes_of_campaigns_is_told(client: Client, database: Database) -> None:
    feed = Feed(client)
    people = fill(client, database, new_list(client), 3)
    campaign, later = draft(client, people), iso(now() + timedelta(days=1))
    base = f"/api/campaigns/{campaign}"
    client.post(f"{base}/schedule", {"send_at": later})
    (scheduled,) = feed.told("campaign", "scheduled")
    assert scheduled["data"] == {
        "campaign_id": campaign,
        "name": "News",
        "status": "scheduled",
        "test": False,
        "send_at": later,
        "total": None,
        "error": None,
    }
    client.post(f"{base}/send", {})
    started, sent = feed.told("campaign", "started", "sent")
    assert (started["data"]["status"], started["data"]["total"]) == ("sending", 3)
    assert sent["data"]["status"] == "sent"
    slow = draft(client, fill(client, database, new_list(client), 3), rate_limit="1/minute")
    for deed in ("send", "pause", "resume", "cancel"):
        assert client.post(f"/api/campaigns/{slow}/{deed}", {}).status_code in (200, 202)
    told = feed.told("campaign", "started", "paused", "resumed", "cancelled")
    assert [item["data"]["status"] for item in told] == ["sending", "paused", "sending", "cancelled"]


def test_a_campaign_that_cannot_begin_says_why(client: Client, database: Database) -> None:
    feed, campaign = Feed(client), draft(client, new_list(client))
    client.post(f"/api/campaigns/{campaign}/schedule", {"send_at": iso(now() + timedelta(days=1))})
    database.run("UPDATE domains SET status = 'pending' WHERE name = :name", name=client.domain)
    moment = now()
    database.run("UPDATE campaigns SET send_at = :at, work_at = :at WHERE id = :id", at=moment, id=campaign)
    failed = feed.told("campaign", "scheduled", "failed")[1]
    assert client.domain in failed["data"]["error"]
