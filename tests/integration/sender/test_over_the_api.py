"""What a caller of the API sees of each way an email can go."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from deploy.local.ports import free_port
from tests.fixtures.api import Client
from tests.fixtures.cluster import wait_for_fresh_connections
from tests.fixtures.database import Database
from tests.fixtures.own_sender import own_sender
from tests.fixtures.relay import Relay
from tests.fixtures.smtp_peers import peer
from tests.fixtures.waiting import wait_for


def somebody(mood: str = "somebody") -> str:
    """An address that behaves as `mood` asks, and that no other test uses."""
    return f"{mood}@{uuid.uuid4().hex}.example.com"


def types(email: dict[str, Any], address: str | None = None) -> list[str]:
    """The sender's events of an email, or of one of its recipients, in order."""
    return [
        event["type"]
        for event in email["events"]
        if event["source"] == "sender" and address in (None, event["recipient"])
    ]


def by_address(email: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The recipients of an email."""
    return {recipient["address"]: recipient for recipient in email["recipients"]}


def test_each_recipient_has_its_own_result_when_one_is_refused(api: Client, relay: Relay) -> None:
    good, refused, hidden = somebody(), somebody("refused"), somebody()
    sent = api.send(to=[good, refused], bcc=[hidden])
    email = api.wait_for_status(sent["id"], "sent")
    found = by_address(email)
    assert {address: item["status"] for address, item in found.items()} == {
        good: "sent",
        refused: "bounced",
        hidden: "sent",
    }
    assert found[refused]["smtp_code"] == 550
    assert found[refused]["smtp_reply"].startswith("550 5.")
    assert found[good]["smtp_code"] == 250
    assert found[good]["relay"] == f"127.0.0.1:{relay.port}"
    assert types(email, refused) == ["email.bounced"]
    assert types(email, hidden) == ["email.sent"]
    (received,) = relay.received(sent["message_id"])
    assert set(received.recipients) == {good, hidden}
    assert hidden not in received.raw.decode()


def test_an_email_bounces_when_its_only_recipient_is_refused(api: Client, relay: Relay) -> None:
    sent = api.send(to=somebody("refused"))
    email = api.wait_for_status(sent["id"], "bounced")
    assert email["attempts"] == 1
    assert email["last_error"].startswith("550")
    assert relay.received(sent["message_id"]) == []


def test_an_email_bounces_for_everybody_when_its_content_is_refused(api: Client, relay: Relay) -> None:
    first, second = somebody("content"), somebody()
    sent = api.send(to=[first, second])
    email = api.wait_for_status(sent["id"], "bounced")
    assert {item["smtp_code"] for item in email["recipients"]} == {554}
    assert types(email, first) == types(email, second) == ["email.bounced"]


def test_only_the_pending_recipient_is_tried_again_when_it_was_deferred(api: Client, relay: Relay) -> None:
    late, good, refused = somebody("deferred-twice"), somebody(), somebody("refused")
    sent = api.send(to=[late, good, refused])
    email = api.wait_for_status(sent["id"], "sent")
    assert email["attempts"] == 3
    assert types(email, late) == ["email.deferred", "email.deferred", "email.sent"]
    assert types(email, good) == ["email.sent"]
    assert types(email, refused) == ["email.bounced"]
    assert relay.attempts[late] == 3
    assert relay.attempts[good] == relay.attempts[refused] == 1
    assert [received.recipients for received in relay.received(sent["message_id"])] == [[good], [late]]
    deferred = [event["data"] for event in email["events"] if event["type"] == "email.deferred"]
    assert [data["attempt"] for data in deferred] == [1, 2]
    assert all("451 4.2.1" in data["reply"] and data["next_attempt_at"] for data in deferred)


def test_an_email_goes_out_again_under_its_message_id_when_the_reply_to_it_was_lost(
    api: Client, relay: Relay, database: Database
) -> None:
    address = somebody("lost-once")
    sent = api.send(to=address)
    unsure = api.wait_for_status(sent["id"], "unknown")
    assert by_address(unsure)[address]["status"] == "unknown"
    assert len(relay.received(sent["message_id"])) == 1
    email = api.wait_for_status(sent["id"], "sent")
    assert types(email, address) == ["email.unknown", "email.sent"]
    assert email["attempts"] == 2
    first, second = relay.received(sent["message_id"])
    assert first.raw == second.raw
    ((resends,),) = database.all("SELECT resends FROM emails WHERE id = :id", id=sent["id"])
    assert resends == 1


def test_an_email_waits_and_arrives_once_when_the_relay_is_away_for_a_while(
    cluster: Cluster, api: Client, database: Database
) -> None:
    port = free_port()
    with own_sender(cluster, port):
        address = somebody()
        sent = api.send(to=address)
        waiting = api.wait_for_status(sent["id"], "deferred")
        assert "refused" in waiting["last_error"]
        with peer(port=port, pipelining=True) as there:
            email = api.wait_for_status(sent["id"], "sent")
            assert [message.recipients for message in there.arrived] == [[address]]
    assert set(types(email)) == {"email.deferred", "email.sent"}
    assert types(email)[-1] == "email.sent"
    ((resends,),) = database.all("SELECT resends FROM emails WHERE id = :id", id=sent["id"])
    assert resends == 0


@pytest.mark.usefixtures("own_servers")
def test_outcomes_are_recorded_and_nothing_is_repeated_when_postgres_is_away_while_mail_goes_out(
    cluster: Cluster, api: Client, database: Database
) -> None:
    cluster.stop("relay")
    with peer(pipelining=True) as there, own_sender(cluster, there.port):
        there.gate.clear()
        sent = [api.send() for _ in range(20)]
        cluster.start("relay")  # which merges the nudges, so that one chunk holds all
        wait_for(lambda: there.arrived, "the first message to be under way")
        cluster.stop("postgres")
        there.gate.set()
        wait_for(lambda: len(there.arrived) == len(sent), "the whole chunk to have gone out")
        cluster.start("postgres")
        wait_for_fresh_connections(cluster)
        cluster.wait_ready("gateway")
        for answer in sent:
            api.wait_for_status(answer["id"], "sent")
    contents = [message.content for message in there.arrived]
    copies = [sum(answer["message_id"].encode() in content for content in contents) for answer in sent]
    assert copies == [1] * len(sent)
