"""The way out: what its page shows, what a click does and a look does not; queued mail stays here."""

from __future__ import annotations

import re
import smtplib
import uuid
from dataclasses import dataclass

import pytest
import requests

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST
from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, fill, new_list
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.tracking import paths
from tests.fixtures.waiting import wait_for

FORM = "application/x-www-form-urlencoded"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(scope="module")
def api(running: Cluster, database: Database) -> Client:
    """A tenant whose lists nobody else counts, and whose bounces come to us."""
    client = new_client(running)
    database.run("UPDATE domains SET return_path_verified = true WHERE name = :name", name=client.domain)
    return client


@dataclass(frozen=True)
class Subscriber:
    """Somebody who got a campaign: their lists, and their way out."""

    email: str
    lists: list[str]
    campaign: str
    url: str
    headers: dict[str, str]

    def standing(self, database: Database) -> list[tuple[str, str, str | None]]:
        """(status, source, campaign) of each list."""
        rows = database.all(
            "SELECT status, subscriptions.source, campaign_id FROM subscriptions "
            "JOIN contacts ON contacts.id = contact_id WHERE email = :email ORDER BY list_id",
            email=self.email,
        )
        return [(row.status, row.source, row.campaign_id and str(row.campaign_id)) for row in rows]

    def suppressed(self, database: Database) -> list[str]:
        """Reasons for which nobody may write to them."""
        rows = database.all("SELECT reason FROM suppressions WHERE address = :email", email=self.email)
        return [row.reason for row in rows]

    def told(self, database: Database) -> list[dict[str, object]]:
        """What the events of their unsubscribing say."""
        rows = database.all(
            "SELECT events.data FROM events JOIN recipients USING (email_id, position) "
            "WHERE address = :email AND type = 'email.unsubscribed' ORDER BY events.id",
            email=self.email,
        )
        return [dict(row.data) for row in rows]


def send(api: Client, campaign: str) -> None:
    assert api.post(f"/api/campaigns/{campaign}/send", {}).status_code == 202


@pytest.fixture
def subscriber(api: Client, relay: Relay, database: Database) -> Subscriber:
    """Somebody on two lists who has got a campaign to the first."""
    lists = [new_list(api), new_list(api)]
    name = f"{uuid.uuid4().hex[:12]}-{{n}}@example.com"
    fill(api, database, lists[0], 1, name)
    email = name.replace("{n}", "1")
    database.run(
        "INSERT INTO subscriptions (list_id, contact_id, account_id, status, source) "
        "SELECT :list, id, account_id, 'subscribed', 'api' FROM contacts WHERE email = :email",
        list=lists[1],
        email=email,
    )
    campaign = draft(api, lists[0], content_text="Out: {{unsubscribe_url}}")
    send(api, campaign)
    found = "SELECT message_id FROM emails WHERE campaign_id = :id"
    ((message_id,),) = wait_for(lambda: database.all(found, id=campaign), "the email")
    (received,) = wait_for(lambda: relay.received(message_id), "the email to arrive")
    text = received.message.get_body(("plain",))
    assert text is not None
    (path,) = [path for path in paths(text.get_content()) if path.startswith("/api/unsub/")]
    headers = {
        key: str(value) for key, value in received.message.items() if key.startswith(("List-", "DKIM-"))
    }
    return Subscriber(email, lists, campaign, api.url + path, headers)


def test_mail_of_a_campaign_says_how_to_leave_with_one_click_or_a_mail(
    api: Client, subscriber: Subscriber
) -> None:
    to, token = f"unsubscribe@bounces.{api.domain}", subscriber.url.rpartition("/")[2]
    ways = f"<{subscriber.url}>, <mailto:{to}?subject={token}>"
    assert subscriber.headers["List-Unsubscribe"] == ways
    assert "list-unsubscribe:list-unsubscribe-post" in subscriber.headers["DKIM-Signature"].replace(" ", "")
    assert subscriber.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_unsubscribes_at_once_and_repeats_change_nothing(
    subscriber: Subscriber, database: Database
) -> None:
    for _ in range(3):
        answer = requests.post(subscriber.url, data=ONE_CLICK, allow_redirects=False, timeout=10)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    left = ("unsubscribed", "tracker", subscriber.campaign)
    assert sorted(subscriber.standing(database)) == sorted([left, ("subscribed", "api", None)])
    assert subscriber.suppressed(database) == []
    (told,) = subscriber.told(database)
    assert (told["scope"], told["one_click"], told["list_ids"]) == ("lists", True, subscriber.lists[:1])
    assert told["campaign_id"] == subscriber.campaign


def test_mail_to_the_address_of_the_header_unsubscribes_like_the_click(
    running: Cluster, subscriber: Subscriber, database: Database
) -> None:
    to, subject = subscriber.headers["List-Unsubscribe"].partition("<mailto:")[2][:-1].split("?subject=")
    forged = subject[:-4] + ("AAAA" if subject[-4:] != "AAAA" else "BBBB")
    with smtplib.SMTP(HOST, running.layout.ports.intake, timeout=30) as door:
        door.sendmail("ada@example.net", [to], f"Subject: {forged}\r\n\r\n")
        assert subscriber.told(database) == []
        for _ in range(2):
            door.sendmail("ada@example.net", [to], f"Subject: {subject}\r\n\r\n")
    left = ("unsubscribed", "mailto", subscriber.campaign)
    assert sorted(subscriber.standing(database)) == sorted([left, ("subscribed", "api", None)])
    assert subscriber.suppressed(database) == []
    (told,) = subscriber.told(database)
    assert (told["scope"], told["one_click"], told["list_ids"]) == ("lists", False, subscriber.lists[:1])
    assert requests.post(subscriber.url, data=ONE_CLICK, timeout=10).status_code == 200
    assert len(subscriber.told(database)) == 1, "the click says nothing new"


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {
            "data": "List-Unsubscribe=One-Click",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"data": "List-Unsubscribe=One-Click"},
    ],
    ids=["multipart", "urlencoded", "untyped"],
)
def test_one_click_comes_in_any_form(
    subscriber: Subscriber, database: Database, body: dict[str, object]
) -> None:
    assert requests.post(subscriber.url, **body, allow_redirects=False, timeout=10).status_code == 200  # type: ignore[arg-type]
    assert len(subscriber.told(database)) == 1


def test_looking_changes_nothing(subscriber: Subscriber, database: Database) -> None:
    page = requests.get(subscriber.url, timeout=10)
    assert page.status_code == 200
    assert requests.head(subscriber.url, timeout=10).status_code == 200
    for body in ({}, {"List-Unsubscribe": "Two-Clicks"}, {"action": "look"}):
        assert requests.post(subscriber.url, data=body, timeout=10).status_code == 400
    assert {status for status, _, _ in subscriber.standing(database)} == {"subscribed"}
    assert subscriber.told(database) == []


def test_page_speaks_the_readers_language_and_shows_nobody_more_than_they_know(
    subscriber: Subscriber,
) -> None:
    page = requests.get(subscriber.url, headers={"Accept-Language": "de-CH, fr;q=0.8"}, timeout=10)
    assert '<html lang="de">' in page.text
    assert "Abmelden" in page.text
    assert subscriber.email not in page.text
    assert f"{subscriber.email[0]}•••@example.com" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (
        '<html lang="en">' in requests.get(subscriber.url, headers={"Accept-Language": "xx"}, timeout=10).text
    )


def test_everything_can_be_left_and_taken_back(subscriber: Subscriber, database: Database) -> None:
    form = {"action": "unsubscribe", "scope": "all"}
    done = requests.post(subscriber.url, data=form, timeout=10)
    assert done.status_code == 200
    assert {status for status, _, _ in subscriber.standing(database)} == {"unsubscribed"}
    assert subscriber.suppressed(database) == ["unsubscribe"]
    assert 'value="subscribe"' in done.text
    for _ in range(2):
        again = requests.post(subscriber.url, data={"action": "subscribe"}, timeout=10)
        assert (again.status_code, "You are subscribed again" in again.text) == (200, True)
    assert {status for status, _, _ in subscriber.standing(database)} == {"subscribed"}
    assert subscriber.suppressed(database) == []


def test_taking_back_lifts_no_other_suppression(
    api: Client, subscriber: Subscriber, database: Database
) -> None:
    assert api.post("/api/suppressions", {"email": subscriber.email, "reason": "complaint"}).ok
    requests.post(subscriber.url, data={"action": "subscribe"}, timeout=10)
    assert subscriber.suppressed(database) == ["complaint"]


def test_link_works_when_retention_has_dropped_the_email(subscriber: Subscriber, database: Database) -> None:
    database.run("DELETE FROM recipients WHERE address = :email", email=subscriber.email)
    database.run("DELETE FROM emails WHERE campaign_id = :id", id=subscriber.campaign)
    assert requests.post(subscriber.url, data=ONE_CLICK, timeout=10).status_code == 200
    assert ("unsubscribed", "tracker", subscriber.campaign) in subscriber.standing(database)


def test_somebody_who_is_known_no_more_is_told_so(subscriber: Subscriber, database: Database) -> None:
    database.run("DELETE FROM contacts WHERE email = :email", email=subscriber.email)
    database.run("DELETE FROM recipients WHERE address = :email", email=subscriber.email)
    page = requests.get(subscriber.url, timeout=10)
    assert (page.status_code, "can&#39;t tell who you are" in page.text) == (200, True)
    assert requests.post(subscriber.url, data=ONE_CLICK, timeout=10).status_code == 200


def test_damaged_link_is_a_page_and_unsubscribes_nobody(subscriber: Subscriber, database: Database) -> None:
    for wrong in (subscriber.url[:-2], subscriber.url + "x", subscriber.url.replace("/unsub/", "/t/c/")):
        for method in ("GET", "POST"):
            answer = requests.request(method, wrong, data=ONE_CLICK, allow_redirects=False, timeout=10)
            assert answer.status_code in {404, 405}
    assert subscriber.told(database) == []


def test_transactional_mail_with_the_link_stops_campaigns_and_no_transactional_mail(
    api: Client, relay: Relay, database: Database
) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    message_id = api.send(to=email, text="{{unsubscribe_url}}", variables={})["message_id"]
    (received,) = wait_for(lambda: relay.received(message_id), "the email to arrive")
    (path,) = paths(received.message.get_content())
    assert re.search(r"\bList-Unsubscribe", str(received.message)) is None
    assert requests.post(api.url + path, data={"action": "unsubscribe"}, timeout=10).status_code == 200
    assert database.all("SELECT reason FROM suppressions WHERE address = :email", email=email) == [
        ("unsubscribe",)
    ]
    api.send(to=email)


def test_queued_mail_to_who_has_left_is_dropped_before_it_leaves(
    api: Client, cluster: Cluster, subscriber: Subscriber, database: Database
) -> None:
    cluster.stop("sender-bulk")
    queued = draft(api, subscriber.lists[0])
    other = draft(api, subscriber.lists[1])
    for campaign in (queued, other):
        send(api, campaign)
    count = "SELECT count(*) FROM emails WHERE campaign_id IN (:one, :two)"
    wait_for(lambda: database.all(count, one=queued, two=other) == [(2,)], "both to be queued")
    requests.post(subscriber.url, data=ONE_CLICK, timeout=10)
    cluster.start("sender-bulk")
    status = (
        "SELECT recipients.status FROM recipients JOIN emails ON emails.id = email_id WHERE campaign_id = :id"
    )
    wait_for(lambda: database.all(status, id=queued) == [("suppressed",)], "the queued one to be dropped")
    wait_for(lambda: database.all(status, id=other) == [("sent",)], "that to the other list to be sent")
