"""Messages that no actor can make sense of are put aside, and the next are worked on."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.rabbit import length, publish
from tests.fixtures.waiting import wait_for

#: dramatiq keeps what it gave up here.
DEAD = "sender.XQ"


def message(actor: str, payload: object) -> bytes:
    """A message in dramatiq's form, at its last attempt."""
    return json.dumps(
        {
            "queue_name": "sender",
            "actor_name": actor,
            "args": [],
            "kwargs": {"payload": payload},
            "options": {"redis_message_id": "x", "retries": 99},
            "message_id": str(uuid.uuid4()),
            "message_timestamp": int(time.time() * 1000),
        }
    ).encode()


POISON = {
    "no JSON": b"\xff\xfe nonsense",
    "JSON of another kind": b"[1, 2, 3]",
    "an unknown actor": message("sender.no_such_actor", {}),
    "no payload": message("sender.send_emails", None),
    "ids that are none": message("sender.send_emails", {"ids": ["'; DROP TABLE emails; --"]}),
    "ids missing": message("sender.send_emails", {}),
}


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_put_aside_and_mail_goes_on(cluster: Cluster, api: Client, kind: str) -> None:
    url = cluster.layout.rabbitmq_url
    before, worker = length(url, DEAD), cluster.pid("sender")
    publish(url, "sender", POISON[kind])
    wait_for(lambda: length(url, DEAD) == before + 1, "the message to be put aside")
    api.wait_for_status(api.send()["id"], "sent")
    assert cluster.pid("sender") == worker


def test_message_with_keys_of_a_newer_version_is_understood(cluster: Cluster, api: Client) -> None:
    cluster.stop("relay")  # the nudge below is the only one
    sent = api.send()
    payload = {"ids": [sent["id"]], "added_next_year": True}
    publish(cluster.layout.rabbitmq_url, "sender", message("sender.send_emails", payload))
    api.wait_for_status(sent["id"], "sent")
