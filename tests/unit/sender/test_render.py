"""Rendered messages, read back by the standard library's parser."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.jobs import Content, Job, Recipient
from services.sender.render import render
from services.sender.tracked import Reader
from shared.tracking import TRAP, Tokens, TrackingUrls, link, whom

ID = UUID("01a20891-91c7-74df-ba63-d38d9947147c")
CONTENT = Content(subject="Grüße aus Köln ✓", html="<p>Héllo</p>", text="Héllo")
JOB = Job(
    email_id=str(ID),
    account_id=UUID(int=1),
    attempt=1,
    stream="transactional",
    message_id="<01a20891-91c7-74df-ba63-d38d9947147c@example.test>",
    wanted_at=datetime(2026, 6, 1, 9, tzinfo=UTC),
    request_id=None,
    test=False,
    sender=("Zoë Ünal", "hello@example.test"),
    reply_to=[(None, "support@example.test"), ("Zoë", "z@example.test")],
    headers=[("X-Order", "42")],
    variables=None,
    content_id=UUID(int=2),
    content=CONTENT,
    recipients=[
        Recipient(0, "to", "ann@example.test", "Ann", "queued", True),
        Recipient(1, "cc", "carl@example.test", None, "queued", True),
        Recipient(2, "bcc", "secret@example.test", None, "queued", True),
    ],
)


def raw(job: Job) -> bytes:
    return b"".join(render(job, {}).stream())


def parsed(content: Content) -> EmailMessage:
    message = raw(dataclasses.replace(JOB, content=content))
    return cast(EmailMessage, message_from_bytes(message, policy=policy.default))


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return cast(str, part.get_content())


def test_headers_say_what_was_asked() -> None:
    message = parsed(CONTENT)
    assert message["From"] == "Zoë Ünal <hello@example.test>"
    assert message["To"] == "Ann <ann@example.test>"
    assert message["Cc"] == "carl@example.test"
    assert message["Reply-To"] == "support@example.test, Zoë <z@example.test>"
    assert message["Subject"] == "Grüße aus Köln ✓"
    assert message["Date"] == "Mon, 01 Jun 2026 09:00:00 +0000"
    assert message.get_all("Message-ID") == [JOB.message_id]
    assert message["X-Order"] == "42"
    assert not message.defects


def test_bcc_recipient_is_nowhere_in_the_message() -> None:
    assert b"secret" not in raw(JOB)


def test_html_and_text_are_alternatives_plainest_first() -> None:
    message = parsed(CONTENT)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_text_alone_is_a_single_part() -> None:
    assert parsed(dataclasses.replace(CONTENT, html=None)).get_content_type() == "text/plain"


def test_same_job_renders_to_the_same_bytes() -> None:
    assert render(JOB, {}) == render(JOB, {})


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=3000)
)
def test_any_body_comes_through_on_short_7bit_lines(text: str) -> None:
    content = dataclasses.replace(CONTENT, text=text, html=None)
    message = raw(dataclasses.replace(JOB, content=content))
    assert message.isascii()
    assert message.endswith(b"\r\n")
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    expected = text if text.endswith("\n") else text + "\n"
    part = message_from_bytes(message, policy=policy.default)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == expected


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, "日本語" * 2000, ".\n..\n", "trailing \t\nspace "])
def test_awkward_bodies_come_through(text: str) -> None:
    message = parsed(dataclasses.replace(CONTENT, text=text))
    assert body(message, "plain").replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


LINKS = TrackingUrls("https://links.example.test", Tokens(["one"]))
WHOM = whom(ID, 0)
READER = Reader(LINKS, WHOM, opens=True, clicks=True)
PAGE = (
    '<html><body><a href="https://shop.example/?a={{name}}&amp;b=2">{{name}}</a> '
    '<a href="mailto:x">m</a></body></html>'
)


def tracked(page: str | None = PAGE, text: str | None = None, **changes: Any) -> Job:
    made: dict[str, Any] = {
        "content": Content("Hi", page, text),
        "reader": READER,
        "variables": {"name": "A&B"},
    }
    return dataclasses.replace(JOB, **{**made, **changes})


def shown(job: Job, subtype: str = "html") -> str:
    message = message_from_bytes(raw(job), policy=policy.default)
    return body(cast(EmailMessage, message), subtype).replace("\r\n", "\n").rstrip("\n")


def reading(**changes: Any) -> Reader:
    return READER._replace(**changes)


def test_links_lead_over_us_and_the_pixel_stands_at_the_end() -> None:
    click = LINKS.click(WHOM, link(0, "https://shop.example/?a=A&B&b=2"))
    pixel = f'<img src="{LINKS.open(WHOM)}" width="1" height="1" alt="" style="border:0">'
    assert shown(tracked()) == (
        f'<html><body><a href="{click}">A&amp;B</a> <a href="mailto:x">m</a>{pixel}</body></html>'
    )


def test_what_is_not_a_template_is_tracked_as_it_is() -> None:
    page = '<a href="https://a.example/{{name}}">{{name}}</a>'
    click = LINKS.click(WHOM, link(0, "https://a.example/{{name}}"))
    assert (
        shown(tracked(page, variables=None, reader=reading(opens=False)))
        == f'<a href="{click}">{{{{name}}}}</a>'
    )


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("clicks", [True, False])
def test_opens_and_clicks_are_tracked_apart(opens: bool, clicks: bool) -> None:
    page = shown(tracked(reader=reading(opens=opens, clicks=clicks)))
    assert ("/api/t/o/" in page, "/api/t/c/" in page) == (opens, clicks)
    assert clicks or "https://shop.example/?a=A&amp;B&amp;b=2" in page


def test_untracked_mail_is_the_same_as_mail_without_a_reader() -> None:
    off = tracked(reader=reading(opens=False, clicks=False))
    assert raw(off) == raw(tracked(reader=None))


def test_links_in_text_are_left_alone_unless_wanted() -> None:
    text = "See https://a.example/{{name}}."
    assert shown(tracked(None, text), "plain") == "See https://a.example/A&B."
    click = LINKS.click(WHOM, link(0, "https://a.example/A&B"))
    assert shown(tracked(None, text, reader=reading(text=True)), "plain") == f"See {click}."


def test_a_link_whose_variable_leads_nowhere_stays_what_it_is() -> None:
    page = '<a href="{{cta}}">x</a>'
    for cta in ("javascript:alert(1)", "", "mailto:a@b", "#top"):
        assert (
            shown(tracked(page, variables={"cta": cta}, reader=reading(opens=False)))
            == f'<a href="{cta}">x</a>'
        )
    whole = shown(tracked(page, variables={"cta": "https://a.example/?x=1&y=2"}))
    assert LINKS.click(WHOM, link(0, "https://a.example/?x=1&y=2")) in whole


def test_trap_is_a_link_that_no_reader_sees() -> None:
    page = shown(tracked(reader=reading(trap=True, home="https://mail.example")))
    (trap,) = re.findall(
        r'<a href="([^"]+)" style="display:none" tabindex="-1" aria-hidden="true"></a>', page
    )
    assert trap == LINKS.click(WHOM, link(TRAP, "https://mail.example"))


def test_unsubscribe_link_is_the_readers_own_and_never_tracked() -> None:
    page = '<a href="{{unsubscribe_url}}">{{unsubscribe_url}}</a>'
    job = tracked(page, "{{unsubscribe_url}}", reader=reading(opens=False))
    url = LINKS.unsubscribe(WHOM)
    assert shown(job) == f'<a href="{url}">{url}</a>'
    assert shown(job, "plain") == url


def test_senders_own_way_out_stands_but_in_bulk_mail_it_is_ours() -> None:
    own = {"unsubscribe_url": "https://shop.example/bye"}
    those = {"contact_id": UUID(int=7), "campaign_id": UUID(int=8)}
    assert shown(tracked(None, "{{unsubscribe_url}}", variables=own), "plain") == "https://shop.example/bye"
    bulk = tracked(None, "{{unsubscribe_url}}", variables=own, stream="bulk", **those)
    assert shown(bulk, "plain") == LINKS.unsubscribe(WHOM, **those)


def test_bulk_mail_has_the_headers_of_one_click_once() -> None:
    given = [("List-Unsubscribe", "<mailto:x@y.example>"), ("X-Order", "1")]
    message = message_from_bytes(raw(tracked(stream="bulk", headers=given)), policy=policy.default)
    assert message.get_all("List-Unsubscribe") == [f"<{LINKS.unsubscribe(WHOM)}>"]
    assert message.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert message["X-Order"] == "1"
    plain = message_from_bytes(raw(tracked(headers=given)), policy=policy.default)
    assert plain.get_all("List-Unsubscribe") == ["<mailto:x@y.example>"]
    assert plain["List-Unsubscribe-Post"] is None


def test_one_click_headers_are_never_folded() -> None:
    job = tracked(stream="bulk", contact_id=UUID(int=7), campaign_id=UUID(int=8))
    (line,) = [line for line in raw(job).split(b"\r\n") if line.lower().startswith(b"list-unsubscribe:")]
    assert line.endswith(b">")


def test_bulk_mail_names_an_address_to_unsubscribe_where_its_return_path_is_ours() -> None:
    whole = raw(tracked(stream="bulk", return_path=True, contact_id=UUID(int=7), campaign_id=UUID(int=8)))
    url = LINKS.unsubscribe(WHOM, UUID(int=7), UUID(int=8))
    token = url.rpartition("/")[2]
    field = f"List-Unsubscribe: <{url}>,\r\n <mailto:unsubscribe@bounces.example.test?subject={token}>\r\n"
    assert field.encode() in whole


def test_tracked_mail_is_the_same_to_the_last_byte_each_time() -> None:
    assert raw(tracked()) == raw(tracked())
