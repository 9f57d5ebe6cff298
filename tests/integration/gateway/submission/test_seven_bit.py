"""Eight bits for a relay that takes seven: converted where that harms nobody, else refused with a reason."""

from __future__ import annotations

import email.policy
import uuid
from email import message_from_bytes
from email.message import EmailMessage
from typing import cast

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.own_sender import own_sender
from tests.fixtures.smtp_peers import smtp_sink
from tests.fixtures.submission import Door
from tests.fixtures.waiting import wait_for

_SIGNED = """Content-Type: multipart/signed; boundary="s"\r
\r
--s\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Grüße\r
--s\r
Content-Type: application/pgp-signature\r
\r
sig\r
--s--\r
"""
_PLAIN = (
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße aus Köln\r\n"
)


def test_eight_bits_become_seven_for_a_relay_that_asks_but_not_inside_a_signature(
    cluster: Cluster, door: Door, api: Client
) -> None:
    with smtp_sink("-8") as sink, own_sender(cluster, sink.port):
        ids = []
        for rest in (_PLAIN, _SIGNED):
            with door.wire() as wire:
                wire.say(f"MAIL FROM:<{door.sender}> BODY=8BITMIME")
                wire.say(f"RCPT TO:<a@{uuid.uuid4().hex}.example.com>")
                wire.say("DATA")
                wire.send(f"From: {door.sender}\r\nMIME-Version: 1.0\r\n{rest}.\r\n".encode())
                ids.append(wire.reply().partition("id=")[2].partition(" ")[0])
        assert api.wait_for_status(ids[0], "sent")
        failed = api.wait_for_status(ids[1], "failed")
        assert failed["last_error"].startswith("554 5.6.3 ")
        wait_for(lambda: sink.messages, "the message at the sink")
        (message,) = sink.messages
    assert message.isascii()
    parsed = cast(EmailMessage, message_from_bytes(message, policy=email.policy.default))
    assert parsed.get_content().strip() == "Grüße aus Köln"
    assert parsed["DKIM-Signature"]
