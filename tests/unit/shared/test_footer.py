"""What a campaign's content lacks is added once, where a reader looks for it."""

from __future__ import annotations

from shared.footer import with_footer_html, with_footer_text
from shared.templates import parse


def test_the_way_out_stands_at_the_end_of_the_body() -> None:
    html = with_footer_html("<html><body><p>Hi</p></body></html>", None)
    assert html.index("<p>Hi</p>") < html.index('href="{{unsubscribe_url}}"') < html.index("</body>")


def test_content_with_a_way_out_of_its_own_stays_as_it_is() -> None:
    html = '<a href="{{ unsubscribe_url }}">out</a>'
    assert with_footer_html(html, None) == html
    assert with_footer_text("{{unsubscribe_url|x}}", None) == "{{unsubscribe_url|x}}"


def test_adding_twice_adds_once() -> None:
    once = with_footer_html("<p>Hi</p>", "Ltd & Co\n1 Street")
    assert with_footer_html(once, "Ltd & Co\n1 Street") == once
    text = with_footer_text("Hi", "Ltd & Co\n1 Street")
    assert with_footer_text(text, "Ltd & Co\n1 Street") == text


def test_an_address_is_text_whatever_it_holds() -> None:
    address = "<b>{{first_name}}</b>"
    for content in (with_footer_html("<p>Hi</p>", address), with_footer_text("Hi", address)):
        assert parse(content).variables == ["unsubscribe_url"]
    assert "<b>" not in with_footer_html("<p>Hi</p>", address)
