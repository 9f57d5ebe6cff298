"""A real Postfix as the relay: the connection's manners, and the whole way from the API to behind it."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import cast

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.own_sender import own_sender
from tests.fixtures.postfix import Postfix
from tests.fixtures.smtp_client import MESSAGE, Begun, Connect, envelope, replies, statuses, whole
from tests.fixtures.waiting import wait_for

EMAILS = 50


def test_one_connection_serves_message_after_message_when_some_are_refused(
    postfix: Postfix, connect: Connect
) -> None:
    connection = connect(postfix.port)
    refused, later, good = "refused@example.com", "later@example.com", "good@example.com"

    def deliver(
        *addresses: str, sender: str = "sender@sender.test", message: bytes = MESSAGE
    ) -> dict[int, str]:
        outcomes = connection.deliver(envelope(*addresses, sender=sender), whole(message), Begun())
        assert connection.usable
        assert not any(reply.startswith("503") for reply in replies(outcomes).values())
        return statuses(outcomes)

    assert deliver(refused, good, later) == {0: "bounced", 1: "sent", 2: "deferred"}
    assert deliver(refused) == {0: "bounced"}
    assert deliver(refused, later) == {0: "bounced", 1: "deferred"}
    assert deliver(good, sender="unwelcome@sender.test") == {0: "failed"}
    assert deliver(good, message=MESSAGE + b"x" * 3_000_000 + b"\r\n") == {0: "failed"}
    assert deliver(good) == {0: "sent"}


def test_every_email_comes_out_behind_postfix_once_and_intact(
    cluster: Cluster, api: Client, postfix: Postfix
) -> None:
    bodies = {number: f"Mail {number}\n.\n..two dots\nÄ ö ü {'x' * 1_200}\n" for number in range(EMAILS)}

    def send(number: int) -> tuple[str, str]:
        answer = api.send(to=f"to{number}@example.com", subject=f"Nr. {number} ✓", text=bodies[number])
        return answer["id"], answer["message_id"]

    with own_sender(cluster, postfix.port):
        with ThreadPoolExecutor(4) as pool:
            sent = dict(enumerate(pool.map(send, range(EMAILS))))
        for email_id, _ in sent.values():
            found = api.wait_for_status(email_id, "sent")
            assert found["attempts"] == 1
            assert "queued as" in found["recipients"][0]["smtp_reply"]
    ours = {message_id: number for number, (_, message_id) in sent.items()}
    wait_for(lambda: len(_from(api, postfix)) >= EMAILS, "every email to come out of Postfix")
    arrived = _from(api, postfix)
    assert Counter(message["Message-ID"] for message in arrived) == Counter(list(ours))
    for message in arrived:
        number = ours[message["Message-ID"]]
        assert message["X-Rcpt-Args"].startswith(f"<to{number}@example.com>")
        assert message["Subject"] == f"Nr. {number} ✓"
        assert message.get_content() == bodies[number]


def _from(api: Client, postfix: Postfix) -> list[EmailMessage]:
    """What Postfix has delivered of this tenant; smtp-sink puts what it heard of the envelope on top."""
    return [
        cast(EmailMessage, email.message_from_bytes(raw.removesuffix(b"\n"), policy=email.policy.default))
        for raw in postfix.delivered()
        if f"<{api.sender}>".encode() in raw
    ]
