"""What arrives at the relay is signed by the domain's own key, as a verifier in the wild would check it."""

from __future__ import annotations

import dkim

from shared.dkim_keys import record_value
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay


def published(database: Database, domain: str) -> dict[str, str]:
    """The TXT records of a domain's keys, by name."""
    rows = database.all(
        "SELECT selector, algorithm, public_key FROM dkim_keys JOIN domains ON domains.id = domain_id"
        " WHERE name = :name",
        name=domain,
    )
    return {
        f"{row.selector}._domainkey.{domain}.": record_value(row.algorithm, row.public_key) for row in rows
    }


def verifies(raw: bytes, records: dict[str, str]) -> bool:
    """Whether dkimpy is satisfied with the top signature, given these records."""
    return bool(dkim.verify(raw, dnsfunc=lambda name, timeout=5: records.get(name.decode(), "").encode()))


def test_the_message_verifies_and_a_changed_one_does_not_when_its_domain_has_a_key(
    api: Client, relay: Relay, database: Database
) -> None:
    sent = api.send(
        subject="Grüße ✓", text="Hi\n\n.\n\n", html="<p>Ünï</p>" + "x" * 2_000, headers={"X-A": "b"}
    )
    api.wait_for_status(sent["id"], "sent")
    (received,) = relay.received(sent["message_id"])
    records = published(database, api.domain)
    assert verifies(received.raw, records)
    assert not verifies(received.raw.replace(b"Subject: ", b"Subject: Re: ", 1), records)


def test_a_resend_is_the_same_to_the_last_byte_when_the_reply_was_lost(
    api: Client, relay: Relay, database: Database
) -> None:
    sent = api.send(to=f"lost-once@{api.domain}")
    api.wait_for_status(sent["id"], "sent")
    first, second = relay.received(sent["message_id"])
    assert first.raw == second.raw
    assert verifies(second.raw, published(database, api.domain))


def test_the_private_key_is_nowhere_in_the_database_as_it_is(api: Client, database: Database) -> None:
    ((ciphertext,),) = database.all(
        "SELECT private_key FROM dkim_keys JOIN domains ON domains.id = domain_id WHERE name = :name",
        name=api.domain,
    )
    assert bytes(ciphertext).startswith(b"gAAAA")  # a Fernet token
