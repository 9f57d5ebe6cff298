"""A mail with our token as its subject is read, whatever a client makes of that subject; no other is."""

from __future__ import annotations

import re
from email import policy
from email.header import Header
from email.message import EmailMessage
from uuid import UUID

import pytest

from shared import unsubscribe_mail
from shared.tracking import Tokens, TrackingUrls, Unsubscription, whom

OURS = Tokens(["one", "old"])
LINK = Unsubscription(UUID(int=1), 0, UUID(int=2), UUID(int=3))
TOKEN = OURS.unsubscription(whom(LINK.email_id, LINK.position), LINK.contact_id, LINK.campaign_id)


def mail(subject: str) -> bytes:
    return f"From: ada@example.net\r\nSubject: {subject}\r\n\r\n".encode()


def encoded(policy_of_client: policy.EmailPolicy) -> bytes:
    message = EmailMessage(policy_of_client)
    message["Subject"] = TOKEN
    return message.as_bytes()


def test_address_has_the_token_of_the_link() -> None:
    url = TrackingUrls("https://links.shop.example", OURS).unsubscribe(
        whom(LINK.email_id, 0), UUID(int=2), UUID(int=3)
    )
    address, _, subject = unsubscribe_mail.mailto("shop.example", url).partition("?subject=")
    assert unsubscribe_mail.is_for(address)
    assert unsubscribe_mail.is_for(address.upper())
    assert unsubscribe_mail.read(mail(subject), OURS) == LINK
    assert re.fullmatch(r"[\w-]+", subject), "needs no escapes in a URL"


@pytest.mark.parametrize(
    "raw",
    [
        mail(TOKEN),
        mail(f"Re: {TOKEN}"),
        mail(f"unsubscribe\r\n {TOKEN}"),
        mail(Header(TOKEN, "utf-8", maxlinelen=76).encode(linesep="\r\n")),
        encoded(policy.SMTP),
        encoded(policy.SMTP.clone(max_line_length=40)),
        mail(OURS.unsubscription(whom(UUID(int=9), 0))[:-1] + "! " + TOKEN),
    ],
)
def test_token_is_read_in_any_form(raw: bytes) -> None:
    assert unsubscribe_mail.read(raw, OURS) == LINK


@pytest.mark.parametrize(
    "subject",
    [
        "unsubscribe",
        "",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN.swapcase(),
        OURS.open(whom(LINK.email_id, 0)),
        Tokens(["another"]).unsubscription(whom(LINK.email_id, 0), LINK.contact_id, LINK.campaign_id),
        "=?no-such-charset?q?abc?=",
        "=?utf-8?b?////?=",
        "A" * 10_000,
    ],
)
def test_what_is_no_token_of_ours_is_nobodys(subject: str) -> None:
    assert unsubscribe_mail.read(mail(subject), OURS) is None


def test_other_addresses_are_not_read_for_it() -> None:
    for address in (
        "unsubscribe@shop.example",
        "bounces@bounces.shop.example",
        "unsubscribe+x@bounces.a.example",
    ):
        assert not unsubscribe_mail.is_for(address)
