"""The fan-out: who of an audience gets an email, each once, with the fields that are theirs."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from shared.models import campaigns
from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, fill, new_list
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own."""
    return new_client(running)


def sent(api: Client, campaign: str) -> dict[str, Any]:
    """Sends a campaign and waits for its end."""
    assert api.request("POST", f"/api/campaigns/{campaign}/send").status_code == 202
    seen: dict[str, Any] = {}

    def over() -> bool:
        seen.update(api.get(f"/api/campaigns/{campaign}").json())
        return seen["status"] == "sent"

    wait_for(over, "the campaign to be sent", 60)
    return seen


def addressed(database: Database, campaign: str) -> list[str]:
    rows = database.all(
        "SELECT address FROM emails JOIN recipients ON email_id = emails.id WHERE campaign_id = :id",
        id=campaign,
    )
    return sorted(row.address for row in rows)


def run_again(api: Client, database: Database, campaign: str) -> None:
    """Lets the fan-out of a campaign that was sent begin anew, and waits for its end."""
    database.run(
        "UPDATE campaigns SET status = 'sending', cursor = NULL, expanded_at = NULL, work_at = "
        "now() WHERE id = :id",
        id=campaign,
    )
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end again", 60)


def test_each_contact_of_several_lists_gets_one_email_with_their_own_fields(
    api: Client, relay: Relay, database: Database
) -> None:
    first, second = new_list(api), new_list(api)
    mark = uuid.uuid4().hex[:8]
    fill(api, database, first, 5, f"{mark}-{{n}}@example.com")
    database.run(
        "INSERT INTO subscriptions (list_id, contact_id, account_id, status, source) "
        "SELECT :second, contact_id, account_id, 'subscribed', 'api' FROM subscriptions WHERE "
        "list_id = :first",
        first=first,
        second=second,
    )
    campaign = draft(api, None, list_ids=[first, second], content_text="Plan {{metadata.plan}} for {{email}}")
    assert sent(api, campaign)["total"] == 5
    assert addressed(database, campaign) == [f"{mark}-{n}@example.com" for n in range(1, 6)]
    ((message_id, subject),) = database.all(
        "SELECT message_id, subject FROM emails JOIN recipients ON email_id = emails.id "
        "WHERE campaign_id = :id AND address LIKE '%-4@%'",
        id=campaign,
    )
    (received,) = relay.received(message_id)
    assert received.message["Subject"] == subject == "News for First4"
    text = received.message.get_body(("plain",))
    assert text is not None
    assert f"Plan pro for {mark}-4@example.com" in text.get_content()


def test_who_is_suppressed_or_unsubscribed_or_excluded_gets_none(api: Client, database: Database) -> None:
    audience, excluded = new_list(api), new_list(api)
    mark = uuid.uuid4().hex[:8]
    fill(api, database, audience, 6, f"{mark}-{{n}}@simulator.mailmatic.test")
    api.post("/api/suppressions", {"email": f"{mark}-1@simulator.mailmatic.test"})
    database.run(
        "UPDATE subscriptions SET status = 'unsubscribed' FROM contacts "
        "WHERE contacts.id = contact_id AND email LIKE :like",
        like=f"{mark}-2@%",
    )
    database.run(
        "INSERT INTO subscriptions (list_id, contact_id, account_id, status, source) "
        "SELECT :list, id, account_id, 'subscribed', 'api' FROM contacts WHERE email LIKE :like",
        list=excluded,
        like=f"{mark}-3@%",
    )
    campaign = draft(api, audience, exclude_list_ids=[excluded])
    sent(api, campaign)
    assert addressed(database, campaign) == [f"{mark}-{n}@simulator.mailmatic.test" for n in (4, 5, 6)]


def test_nobody_is_written_to_twice_when_the_fan_out_runs_again_from_the_beginning(
    api: Client, database: Database
) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 50, "again-{n}@simulator.mailmatic.test"))
    sent(api, campaign)
    run_again(api, database, campaign)
    assert len(addressed(database, campaign)) == 50


def test_a_sender_that_counts_keeps_nobody_from_the_campaign(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 5, "{mark}-{n}@simulator.mailmatic.test"))
    sent(api, campaign)
    with database.engine.begin() as tx:  # as a campaign's first count does, by its foreign key
        tx.execute(
            select(campaigns.c.id)
            .where(campaigns.c.id == campaign)
            .with_for_update(read=True, key_share=True)
        )
        run_again(api, database, campaign)


def test_only_who_is_in_the_segment_gets_one(api: Client, database: Database) -> None:
    list_id = fill(api, database, new_list(api), 6, "{mark}-{n}@simulator.mailmatic.test")
    rules = {"field": "metadata.plan", "operator": "equals", "value": "pro"}
    segment = api.post("/api/segments", {"name": uuid.uuid4().hex, "rules": rules})
    assert segment.status_code == 201, segment.text
    campaign = draft(api, list_id, segment_id=segment.json()["id"])
    assert sent(api, campaign)["total"] == 3
    other = draft(api, list_id, exclude_segment_ids=[segment.json()["id"]])
    assert sent(api, other)["total"] == 3
    assert not {*addressed(database, campaign)} & {*addressed(database, other)}


def test_a_campaign_whose_segment_is_deleted_goes_to_nobody(api: Client, database: Database) -> None:
    rules = {"field": "email", "operator": "contains", "value": "@"}
    segment = api.post("/api/segments", {"name": uuid.uuid4().hex, "rules": rules}).json()["id"]
    campaign = draft(api, new_list(api), segment_id=segment)
    database.run("DELETE FROM segments WHERE id = CAST(:id AS uuid)", id=segment)
    response = api.request("POST", f"/api/campaigns/{campaign}/send")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/segment_ids")


def test_the_headers_of_bulk_mail_are_there_once_and_signed(
    api: Client, relay: Relay, database: Database
) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 1, "{mark}{n}@example.com"))
    sent(api, campaign)
    ((message_id,),) = database.all("SELECT message_id FROM emails WHERE campaign_id = :id", id=campaign)
    (received,) = relay.received(message_id)
    signed = str(received.message["DKIM-Signature"]).replace(" ", "").partition("h=")[2].partition(";")[0]
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence", "Feedback-ID"):
        assert len(received.message.get_all(name, [])) == 1, name
        assert name.lower() in signed.split(":")
    assert received.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert b"=?" not in received.raw.partition(b"\r\n\r\n")[0]


def test_a_campaign_to_nobody_is_sent_at_once(api: Client) -> None:
    assert sent(api, draft(api, new_list(api)))["total"] == 0


def test_control_characters_of_a_contact_stay_inside_the_subject(
    api: Client, relay: Relay, database: Database
) -> None:
    list_id = fill(api, database, new_list(api), 1, f"{uuid.uuid4().hex}{{n}}@example.com")
    database.run(
        "UPDATE contacts SET first_name = :name FROM subscriptions WHERE contact_id = contacts.id "
        "AND list_id = :id",
        name="Ada\r\nBcc: mallory@example.com",
        id=list_id,
    )
    campaign = draft(api, list_id, from_name="{{first_name}} & friends")
    sent(api, campaign)
    ((message_id,),) = database.all("SELECT message_id FROM emails WHERE campaign_id = :id", id=campaign)
    (received,) = relay.received(message_id)
    assert received.message["Subject"] == "News for Ada Bcc: mallory@example.com"
    assert received.message["Bcc"] is None


def test_a_rate_limit_is_kept_by_the_fan_out(api: Client, database: Database) -> None:
    campaign = draft(
        api, fill(api, database, new_list(api), 30, "slow-{n}@simulator.mailmatic.test"), rate_limit="2/hour"
    )
    api.request("POST", f"/api/campaigns/{campaign}/send")
    wait_for(lambda: len(addressed(database, campaign)) == 1, "the first", 30)
    ((tokens,),) = database.all("SELECT tokens FROM campaigns WHERE id = :id", id=campaign)
    assert tokens < 1
    api.request("POST", f"/api/campaigns/{campaign}/cancel")


def test_a_paused_campaign_goes_on_where_it_was(cluster: Cluster, api: Client, database: Database) -> None:
    list_id = fill(
        api, database, new_list(api), 300, f"{uuid.uuid4().hex[:6]}-{{n}}@simulator.mailmatic.test"
    )
    campaign = draft(api, list_id)
    cluster.stop("sender-bulk")
    api.request("POST", f"/api/campaigns/{campaign}/send")
    wait_for(lambda: len(addressed(database, campaign)) == 300, "the fan-out", 30)
    assert api.request("POST", f"/api/campaigns/{campaign}/pause").json()["status"] == "paused"
    cluster.start("sender-bulk")
    wait_for(database.outbox_is_empty, "the nudges to be relayed")
    queued = "SELECT count(*) FROM emails WHERE campaign_id = :id AND status = 'queued'"
    other = draft(api, fill(api, database, new_list(api), 5, "meanwhile-{n}@simulator.mailmatic.test"))
    sent(api, other)  # the senders are at work, and leave what is paused alone
    assert database.all(queued, id=campaign) == [(300,)]
    assert api.request("POST", f"/api/campaigns/{campaign}/resume").json()["status"] == "sending"
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end", 60)
    ((count, delivered),) = database.all(
        "SELECT count(*), count(*) FILTER (WHERE status IN ('delivered', 'bounced')) FROM emails "
        "WHERE campaign_id = :id",
        id=campaign,
    )
    assert (count, delivered) == (300, 300)


def test_a_cancelled_campaigns_queued_emails_are_cancelled(
    cluster: Cluster, api: Client, database: Database
) -> None:
    list_id = fill(
        api, database, new_list(api), 200, f"{uuid.uuid4().hex[:6]}-{{n}}@simulator.mailmatic.test"
    )
    campaign = draft(api, list_id)
    cluster.stop("sender-bulk")
    api.request("POST", f"/api/campaigns/{campaign}/send")
    wait_for(lambda: len(addressed(database, campaign)) == 200, "the fan-out", 30)
    assert api.request("POST", f"/api/campaigns/{campaign}/cancel").json()["status"] == "cancelled"
    cancelled = "SELECT count(*) FROM emails WHERE campaign_id = :id AND status = 'cancelled'"
    wait_for(lambda: database.all(cancelled, id=campaign) == [(200,)], "all to be cancelled")
    told = (
        "SELECT count(*) FROM events JOIN emails ON emails.id = email_id "
        "WHERE campaign_id = :id AND type = :type"
    )
    assert database.all(told, id=campaign, type="email.cancelled") == [(200,)]


def test_several_workers_and_lost_nudges_make_one_email_each(
    cluster: Cluster, api: Client, database: Database
) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 4_500, "many-{n}@simulator.mailmatic.test"))
    cluster.stop("sender-bulk")
    api.request("POST", f"/api/campaigns/{campaign}/send")
    # every nudge again and again, to whichever worker is free
    with ThreadPoolExecutor(4) as pool:
        again = "UPDATE campaigns SET work_at = now() WHERE id = :id AND expanded_at IS NULL"
        list(pool.map(lambda _: database.run(again, id=campaign), range(40)))
    cluster.start("sender-bulk")
    counted = "SELECT count(*), count(DISTINCT contact_id) FROM emails WHERE campaign_id = :id"
    wait_for(lambda: database.all(counted, id=campaign)[0][0] == 4_500, "the whole audience", 60)
    assert database.all(counted, id=campaign) == [(4_500, 4_500)]
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end", 120)
