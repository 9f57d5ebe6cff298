"""What is tracked: as the message says, else its domain."""

from __future__ import annotations

from typing import Any

import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import new_client
from tests.fixtures.database import Database
from tests.fixtures.mailbox import receive
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


def test_what_is_tracked_of_a_domains_mail_can_be_changed(running: Cluster, relay: Relay) -> None:
    tenant = new_client(running)
    (domain,) = tenant.get("/api/domains").json()["data"]
    assert domain["tracking"] == {"opens": None, "clicks": None}
    changed = tenant.request("PATCH", f"/api/domains/{domain['id']}", json={"tracking": {"clicks": False}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["tracking"] == {"opens": None, "clicks": False}
    page = '<a href="https://a.example/">a</a>'
    own: dict[str, Any] = {"tracking": {"clicks": True, "opens": False}}
    for fields, expected in (({}, (True, False)), (own, (False, True))):
        message_id = tenant.send(html=page, **fields)["message_id"]
        (message,) = wait_for(lambda: relay.received(message_id), "the email to arrive")  # noqa: B023
        part = message.message.get_body(("html",))
        assert part is not None
        shown = part.get_content()
        assert ("/api/t/o/" in shown, "/api/t/c/" in shown) == expected


def test_links_are_at_the_domains_own_host_once_its_record_is_verified(
    running: Cluster, relay: Relay, database: Database
) -> None:
    tenant = new_client(running)
    database.run("UPDATE domains SET tracking_verified = true WHERE name = :name", name=tenant.domain)
    letter = receive(tenant, relay, '<a href="https://a.example/">a</a>{{unsubscribe_url}}', variables={})
    port = tenant.url.rpartition(":")[2]
    host = f"http://links.{tenant.domain}:{port}"
    for path in ("/api/t/o/", "/api/t/c/", "/api/unsub/"):
        assert letter.html.count(host + path) == 1
    assert tenant.url not in letter.html
    headers = {"Host": f"links.{tenant.domain}:{port}"}
    answer = requests.get(tenant.url + letter.clicks[0], headers=headers, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://a.example/")


def test_opens_and_clicks_are_shown_with_the_email(running: Cluster, relay: Relay) -> None:
    tenant = new_client(running)
    letter = receive(tenant, relay, '<a href="https://a.example/">a</a>')
    letter.get(letter.opens[0], method="HEAD")
    letter.get(letter.clicks[0], agent="curl/8")
    wait_for(lambda: tenant.email(letter.id)["recipients"][0]["machine_clicks"], "the hits")
    (shown,) = tenant.email(letter.id)["recipients"]
    assert (shown["opens"], shown["clicks"], shown["machine_opens"], shown["machine_clicks"]) == (0, 0, 1, 1)
    assert shown["machine_clicked_at"] is not None
    (clicked,) = [item for item in tenant.email(letter.id)["events"] if item["type"] == "email.clicked"]
    assert clicked["data"]["url"] == "https://a.example/"
    assert "program" in clicked["data"]["reasons"]
