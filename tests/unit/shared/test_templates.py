"""Variables in templates."""

from __future__ import annotations

from html import escape, unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import has_controls
from shared.templates import TemplateError, parse, with_full_name

PERSON = {
    "first_name": "Ann <3",
    "last_name": "O'Hara",
    "email": "ann@example.test",
    "metadata": {
        "plan": "pro",
        "seats": 3,
        "vip": True,
        "tags": ["a", "b"],
        "nested": {"deep": "x"},
        "none": None,
    },
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{first_name}}!", "Hi Ann <3!"),
        ("{{ first_name }}", "Ann <3"),
        ("{{full_name}}", "Ann <3 O'Hara"),
        ("{{metadata.plan}}/{{metadata.seats}}/{{metadata.vip}}/{{metadata.tags}}", "pro/3/true/a, b"),
        ("{{metadata.nested.deep}}", "x"),
        ("{{unknown}}{{metadata.unknown}}{{first_name.x}}{{metadata.none}}", ""),
        ("{{metadata}}", ""),
        ("{{unknown|there}}", "there"),
        ("{{ unknown | dear reader }}", "dear reader"),
        ("{{first_name|there}}", "Ann <3"),
        ("{{unsubscribe_url}}", ""),
        ("{first_name} { { }} {", "{first_name} { { }} {"),
        ("{{first_name}}}}", "Ann <3}}"),
        ("{{__class__}}{{first_name.__class__}}", ""),
        ("", ""),
    ],
)
def test_text_is_filled_and_never_escaped(source: str, expected: str) -> None:
    assert parse(source).render(with_full_name(PERSON), html=False) == expected


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("{{", 1, 1),
        ("Hi {{first_name}", 1, 4),
        ("{{first_name}}\n\n  {{last", 3, 3),
        ("{{}}", 1, 1),
        ("{{1x}}", 1, 1),
        ("{{a b}}", 1, 1),
        ("{{a}} {{#if x}}", 1, 7),
        ("{{a.}}", 1, 1),
        ("{{a|b{c}}", 1, 1),
        ("{{a|b\nc}}", 1, 1),
        ("{{{first_name}}}", 1, 1),
        ("{{first_name.__class__()}}", 1, 1),
    ],
)
def test_what_is_no_variable_is_refused_with_its_place(source: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(source)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"Line {line}, column {column}" in str(caught.value)


def test_values_and_defaults_are_escaped_in_html_and_the_template_is_not() -> None:
    source = '<b title="{{last_name}}">{{first_name}}</b>{{nobody|<i>}}'
    rendered = parse(source).render(PERSON, html=True)
    assert rendered == '<b title="O&#x27;Hara">Ann &lt;3</b>&lt;i&gt;'


def test_full_name_that_was_given_wins() -> None:
    assert with_full_name({"first_name": "A", "full_name": "Dr A"})["full_name"] == "Dr A"
    assert with_full_name({})["full_name"] == ""


def test_variables_are_listed_once_in_order() -> None:
    assert parse("{{b}} {{a.c}} {{b|x}}").variables == ["b", "a.c"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
SOURCES = st.lists(
    st.text(max_size=20) | st.sampled_from(["{{a}}", "{{ a.b }}", "{{c|d & e}}", "{{", "}}", "{", "}", "|"]),
    max_size=8,
).map("".join)


@given(st.text(max_size=200))
def test_what_is_filled_in_is_never_parsed_again(value: str) -> None:
    assert parse("{{x}}").render({"x": value + "{{y}}", "y": "!"}, html=False) == value + "{{y}}"


@given(st.text(st.characters(exclude_characters="{"), max_size=300))
def test_text_without_variables_is_left_alone(source: str) -> None:
    assert parse(source).render({}, html=True) == source


@given(SOURCES, st.dictionaries(st.sampled_from("abcd"), VALUES))
def test_any_template_renders_or_is_refused_with_a_place_inside_it(
    source: str, values: dict[str, Any]
) -> None:
    try:
        template = parse(source)
    except TemplateError as error:
        refused = error
    else:
        refused = None
    if refused:
        assert source.split("\n")[refused.line - 1][refused.column - 1 :].startswith("{{")
        return
    for html in (True, False):
        rendered = template.render(values, html=html)
        assert template.length(values, html=html) == len(rendered)
        assert template.render(values, html=html) == rendered


@given(st.text(max_size=100))
def test_no_value_adds_markup_to_html(value: str) -> None:
    rendered = parse("<p title='{{x}}'>{{x}}</p>").render({"x": value}, html=True)
    inner = rendered.removeprefix("<p title='").removesuffix("</p>")
    assert not set('<"') & set(inner.replace("'>", "", 1))
    assert inner.count("'") == 1
    assert unescape(inner) == f"{unescape(escape(value))}'>{unescape(escape(value))}"


@given(st.text(max_size=200))
def test_no_value_leaves_the_line_of_a_header(value: str) -> None:
    rendered = parse("Hello {{x}}, again").render_line({"x": value})
    assert len(rendered.splitlines()) == 1
    assert "\0" not in rendered
    assert not has_controls(rendered)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a\r\nBcc: b@c.d", "a Bcc: b@c.d"), ("a\0b", "a b"), ("\n a", "a"), ("a\u2028b\x85c", "a b c")],
)
def test_line_breaks_become_spaces_in_a_header(value: str, expected: str) -> None:
    assert parse("{{x}}").render_line({"x": value}) == expected
