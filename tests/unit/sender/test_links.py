"""Links in bodies: found where a browser sees one, and everything else stays to the last octet."""

from __future__ import annotations

import html as entities
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from services.sender.links import Link, Pieces, Pixel, href, split_html, split_text, target
from shared.tracking import LONGEST_TARGET
from tests.unit.sender.newsletters import newsletters


def joined(pieces: Pieces, put: str | None = None, pixel: str = "") -> str:
    """The body again, with `put` in place of each link."""
    shown = []
    for piece in pieces:
        if isinstance(piece, str):
            shown.append(piece)
        elif isinstance(piece, Pixel):
            shown.append(pixel)
        else:
            shown.append(piece.raw if put is None else put)
    return "".join(shown)


def links(pieces: Pieces) -> list[Link]:
    return [piece for piece in pieces if isinstance(piece, Link)]


@pytest.mark.parametrize(("body", "targets"), newsletters(80), ids=map(str, range(80)))
def test_newsletter_has_its_links_found_and_nothing_else_changed(body: str, targets: list[str]) -> None:
    pieces = split_html(body, template=True)
    assert joined(pieces) == body
    assert sum(isinstance(piece, Pixel) for piece in pieces) == 1
    found = links(pieces)
    assert [link.index for link in found] == list(range(len(found)))
    # what is a variable has its target once it is filled in
    led = [href(link.raw) if "{{" in link.raw else target(href(link.raw)) for link in found]
    assert led == targets


@pytest.mark.parametrize(("body", "targets"), newsletters(80), ids=map(str, range(80)))
def test_newsletter_split_again_after_the_links_were_put_in_is_the_same(
    body: str, targets: list[str]
) -> None:
    put = "https://links.example/api/t/c/token"
    once = joined(split_html(body, template=True), put)
    assert links(split_html(once, template=True)) == []
    assert once.count(put) == len(targets)


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ("<p>Hi</p>", ""),
        ("<body>Hi</body></html>", "</body></html>"),
        ("<html>Hi</HTML>\n", "</HTML>\n"),
        ("<body>Hi</body><!-- </body> -->", "</body><!-- </body> -->"),
        ("<body>a</body>b</body >", "</body >"),
        ('<p title="</body>">Hi', ""),
        ("", ""),
    ],
)
def test_pixel_stands_at_the_end_of_the_body(body: str, before: str) -> None:
    shown = joined(split_html(body, template=False), pixel="PIXEL")
    assert shown == body[: len(body) - len(before)] + "PIXEL" + before


def test_braces_are_text_in_what_is_no_template() -> None:
    body = '<a href="https://a.example/{{x}}">{{<a href="https://b.example/">}}</a>'
    assert [link.raw for link in links(split_html(body, template=False))] == [
        "https://a.example/{{x}}",
        "https://b.example/",
    ]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("a&amp;b", "a&b"), ("a&ampb", "a&ampb"), ("a&amp=b", "a&amp=b"), ("a&amp;=b", "a&=b"), ("&amp", "&"),
        ("&copy;=1", "©=1"), ("?x&copy=1", "?x&copy=1"), ("?x&copy2=1", "?x&copy2=1"), ("&copy 1", "© 1"),
        ("&notit=1", "&notit=1"), ("&notit;", "&notit;"), ("&not;it", "¬it"), ("&#38;", "&"), ("&#38=", "&="),
        ("&#x26;b", "&b"), ("&#X26b", "\u026b"), ("&", "&"), ("&;", "&;"), ("&nosuch;", "&nosuch;"),
        ("&#;", "&#;"),        ("&Auml;&euro;", "Ä€"), ("&acE;", "∾̳"),
    ],
)  # fmt: skip
def test_references_in_an_attribute_are_read_as_browsers_do(raw: str, said: str) -> None:
    assert href(raw) == said


@given(st.text())
def test_escaped_text_comes_back(text: str) -> None:
    assert href(entities.escape(text)) == text


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/%E2%82%AC?%20&%zz=+;#%", "https://a.example/%E2%82%AC?%20&%zz=+;#%"),
        ("https://a.example/€ x\t\r\ny", "https://a.example/%E2%82%AC%20xy"),
        ("https://a.example\\b", "https://a.example\\b"),
        ("https://a.example?q", "https://a.example?q"),
        ("https://EXÄMPLE.example", "https://xn--exmple-cua.example"),
        ("https://a b.example/", None),
        ("https://é é.example/", None),
        ("https:///path", None),
        ("https:a.example", None),
        ("https://a.example/\ud800", None),
        (
            "https://a.example/" + "x" * (LONGEST_TARGET - 18),
            "https://a.example/" + "x" * (LONGEST_TARGET - 18),
        ),
        ("https://a.example/" + "x" * (LONGEST_TARGET - 17), None),
        ("", None),
    ],
)
def test_target_is_where_a_browser_would_go(url: str, leads_to: str | None) -> None:
    assert target(url) == leads_to


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_printable_ascii_is_never_changed(rest: str) -> None:
    assert target("https://a.example/x" + rest) == "https://a.example/x" + rest


class Reader(HTMLParser):
    """What the standard library finds."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = [value for name, value in attrs if name == "href"]
        if tag == "a" and values and values[0] and not any(name == "data-no-track" for name, _ in attrs):
            self.found.append(values[0])


FRAGMENTS = [
    '<a href="https://a.example/1">', "<a href='https://a.example/2'>", "<a href=https://a.example/3>",
    "<A  HREF = 'https://a.example/4' >", '<a data-no-track href="https://a.example/5">', "<td a b=c d='e'>",
    "</a>", "<b>", "<!-- ", " -->", "<p title='", "'>", '<i x="', '">', "text", " ", "\n", "<br/>", "&amp;",
]  # fmt: skip
ELEMENTS = [
    "<p>", "<b class=x>", "</p>", "text > ", "<!-- <a href='https://no.example'> -->",
    '<img alt="<a href=x>">', '<a href="https://a.example/1">', "<br/>",
    "<a title='<a>' href='https://a.example/2'>",
    "<a href=https://a.example/3>", '<a data-no-track href="https://a.example/5">',
]  # fmt: skip


@run(max_examples=400)
@given(
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text("<>/='\"!-a b&{}", max_size=4)), max_size=25).map(
        "".join
    )
)
def test_any_text_is_split_without_loss(body: str) -> None:
    for template in (True, False):
        assert joined(split_html(body, template=template)) == body
        assert joined(split_text(body, template=template)) == body


@run(max_examples=300)
@given(st.lists(st.sampled_from(ELEMENTS)).map("".join))
def test_well_formed_html_has_the_links_that_a_parser_finds(body: str) -> None:
    reader = Reader()
    reader.feed(body)
    reader.close()
    assert [link.raw for link in links(split_html(body, template=False))] == reader.found


@pytest.mark.parametrize(
    "unit",
    [
        "<a ",
        '<a href="',
        "<a x='",
        "<!--",
        "<![if ",
        "<!--[if ",
        "<style>",
        "<",
        "&",
        "</",
        "<a/",
        "<a =",
        "{{",
        "<a b=c ",
    ],
)
def test_half_a_megabyte_of_what_never_ends_is_split_like_any_other(unit: str) -> None:
    body = unit * (500_000 // len(unit))
    assert joined(split_html(body, template=True)) == body
    assert href(body) == body


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/x_(y)), then", ["https://a.example/x_(y)"]),
        ("<https://a.example/?a=b&c=d#e>", ["https://a.example/?a=b&c=d#e"]),
        ("Stop: {{unsubscribe_url}} or https://a.example/{{email}}!", ["https://a.example/{{email}}"]),
        ("mail to ada@a.example, www.a.example", []),
        ("https://mail.example/api/unsub/x", []),
    ],
)
def test_links_in_text_end_where_a_reader_would_end_them(text: str, found: list[str]) -> None:
    assert [link.raw for link in links(split_text(text, template=True))] == found
