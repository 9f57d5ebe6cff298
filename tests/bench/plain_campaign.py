"""What is usually built: a message, an EmailMessage, a dkimpy signature and a commit for each email.

A dramatiq worker (`dramatiq tests.bench.plain_campaign --queues plain`) that sends over kept connections.
"""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

import dkim
import dramatiq
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from sqlalchemy import create_engine, text

from shared.db import database_url
from shared.settings import settings
from tests.bench.newsletter import newsletter

QUEUE = "plain"
#: One row an email: what is sent is marked so.
TABLE = "CREATE TABLE IF NOT EXISTS bench_plain (id integer PRIMARY KEY, sent boolean NOT NULL DEFAULT false)"

_SENDER = "news@bench.test"
_KEY = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
_BODY = newsletter(_SENDER, "")
_ENGINE = create_engine(database_url(), pool_size=8)
_LOCAL = threading.local()

broker = RabbitmqBroker(url=settings().rabbitmq_url, confirm_delivery=True)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=QUEUE, actor_name="plain.send")
def send(number: int, signed: bool) -> None:
    """One email."""
    message = _message(number)
    data = message.as_bytes()
    if signed:
        data = dkim.sign(data, b"s1", b"bench.test", _KEY, linesep=b"\n") + data
    with _connection() as connection:
        connection.sendmail(_SENDER, [f"r{number}@example.com"], data)
    with _ENGINE.begin() as tx:
        tx.execute(text("UPDATE bench_plain SET sent = true WHERE id = :id"), {"id": number})


def _message(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = _SENDER, f"r{number}@example.com"
    message["Subject"] = _filled(_BODY["subject"], number)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="bench.test")
    message["List-Unsubscribe"] = f"<https://example.com/u/{number}>"
    message.set_content(_filled(_BODY["content_text"], number))
    message.add_alternative(_filled(_BODY["content_html"], number), subtype="html")
    return message


def _filled(template: str, number: int) -> str:
    values = {"{{first_name|you}}": f"First{number}", "{{first_name|reader}}": f"First{number}"}
    values |= {"{{metadata.plan}}": "pro", "{{unsubscribe_url}}": f"https://example.com/u/{number}"}
    for name, value in values.items():
        template = template.replace(name, value)
    return template.replace("https://example.com/news", f"https://example.com/c/{number}")


@contextmanager
def _connection() -> Iterator[smtplib.SMTP]:
    """This thread's, kept."""
    if not hasattr(_LOCAL, "smtp"):
        relay = urlsplit(settings().relays[0])
        _LOCAL.smtp = smtplib.SMTP(relay.hostname or "", relay.port or 25)
    yield _LOCAL.smtp
