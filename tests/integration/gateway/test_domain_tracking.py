"""What is tracked: as the message says, else its domain."""

from __future__ import annotations

from typing import Any

from deploy.local.cluster import Cluster
from tests.fixtures.api import new_client
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
