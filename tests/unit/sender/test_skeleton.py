"""Messages out of a skeleton are to the octet what `render` and `Message.signed` make of each job alone."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from services.sender.dkim import Signer
from services.sender.envelopes import signed
from services.sender.headers import HeaderInjection
from services.sender.jobs import Content, Job, Recipient
from services.sender.render import render
from services.sender.skeleton import Skeleton
from services.sender.tracked import Reader
from shared.tracking import Tokens, TrackingUrls, whom

SIGNERS = (
    Signer("news.test", "mm1", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    Signer("news.test", "mm2", ed25519.Ed25519PrivateKey.generate()),
)
URLS = TrackingUrls("https://mail.news.test", Tokens(["k" * 32]))
BOTH = Content(
    "News for {{first_name|you}}",
    '<p>{{first_name}} <a href="https://x.test/{{metadata.plan}}">read</a></p>',
    "Hi {{first_name}}\n{{unsubscribe_url}}",
)
CONTENTS = {
    "both": BOTH,
    "html": Content(BOTH.subject, BOTH.html, None),
    "text": Content(BOTH.subject, None, BOTH.text),
    "umlauts": Content("Grüße, {{first_name}}", "<p>Grüße</p>", "Grüße " + "x" * 2_000),
}


def job(number: int, content: Content = BOTH, **changes: Any) -> Job:
    id = UUID(int=number)
    made = Job(
        email_id=str(id),
        account_id=UUID(int=1),
        attempt=1,
        stream="bulk",
        message_id=f"<{id}@news.test>",
        wanted_at=datetime(2026, 6, 1, 9, tzinfo=UTC),
        request_id=None,
        test=False,
        sender=("News", "hello@news.test"),
        reply_to=[("Zoë", "z@news.test")],
        headers=[("X-Order", "42"), ("Precedence", "mine")],
        variables={"first_name": f"Ann{number}", "metadata": {"plan": "pro"}},
        content_id=UUID(int=2),
        content=content,
        recipients=[Recipient(0, "to", f"r{number}@x.test", None, "queued", True)],
        signers=SIGNERS,
        reader=Reader(URLS, whom(id, 0), opens=True, clicks=True),
        contact_id=UUID(int=7 + number),
        campaign_id=UUID(int=3),
    )
    return dataclasses.replace(made, **changes)


def alone(of: Job) -> bytes:
    return b"".join(signed(of, render(of, {})))


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"return_path": True},
        {"reader": None},
        {"variables": None},
        {"signers": ()},
        {"reply_to": [], "headers": []},
        {"campaign_id": None, "contact_id": None},
    ],
    ids=lambda changes: ",".join(changes) or "as it is",
)
def test_is_what_render_makes_of_the_job_alone(content: Content, changes: dict[str, Any]) -> None:
    skeleton = Skeleton(job(1, content, **changes))
    for number in (1, 2, 3):
        of = job(number, content, **changes)
        assert skeleton.fits(of)
        assert skeleton.draft(of).signed() == alone(of)


NAMES = st.text(max_size=60) | st.text("ab <>\"'&é", max_size=300)


@given(NAMES, NAMES.filter(lambda name: not set(name) & set("\r\n\0")), st.sampled_from(sorted(CONTENTS)))
def test_whatever_its_reader_is_called(name: str, sender: str, kind: str) -> None:
    content = CONTENTS[kind]
    of = job(
        2,
        content,
        variables={"first_name": name, "metadata": {"plan": name}},
        sender=(sender, "hello@news.test"),
        recipients=[Recipient(0, "to", "r2@x.test", sender or None, "queued", True)],
    )
    skeleton = Skeleton(job(1, content))
    assert skeleton.fits(of)
    assert skeleton.draft(of).signed() == alone(of)


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted_at": datetime(2026, 6, 1, 9, tzinfo=UTC) + timedelta(seconds=1)},
        {"sender": ("News", "other@news.test")},
        {"content": CONTENTS["html"]},
        {"signers": SIGNERS[:1]},
        {"reply_to": []},
        {"headers": []},
        {"campaign_id": UUID(int=4)},
        {"return_path": True},
        {"variables": None},
        {"reader": None},
    ],
    ids=",".join,
)
def test_what_is_not_alike_does_not_fit(changes: dict[str, Any]) -> None:
    assert not Skeleton(job(1)).fits(job(2, **changes))


def test_what_would_break_out_of_its_header_is_refused() -> None:
    skeleton = Skeleton(job(1))
    with pytest.raises(HeaderInjection):
        skeleton.draft(job(2, sender=("News\r\nBcc: all@x.test", "hello@news.test")))
