"""Variables in templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.templates import parse, with_full_name

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
        ("{{", "{{"),
        (
            "{{}} {{1x}} {{a b}} {{#if x}} {first_name} {{first_name}",
            "{{}} {{1x}} {{a b}} {{#if x}} {first_name} {{first_name}",
        ),
        ("{{{{first_name}}}}", "{{Ann <3}}"),
        ("{{__class__}}{{first_name.__class__}}", ""),
        ("", ""),
    ],
)
def test_text_is_filled_and_never_escaped(source: str, expected: str) -> None:
    assert parse(source).render(with_full_name(PERSON), html=False) == expected


def test_values_and_defaults_are_escaped_in_html_and_the_template_is_not() -> None:
    source = '<b title="{{last_name}}">{{first_name}}</b>{{nobody|<i>}}'
    rendered = parse(source).render(PERSON, html=True)
    assert rendered == '<b title="O&#x27;Hara">Ann &lt;3</b>&lt;i&gt;'


def test_full_name_that_was_given_wins() -> None:
    assert with_full_name({"first_name": "A", "full_name": "Dr A"})["full_name"] == "Dr A"
    assert with_full_name({})["full_name"] == ""


def test_variables_are_listed_once_in_order() -> None:
    assert parse("{{b}} {{a.c}} {{b|x}}").variables == ["b", "a.c"]


@given(st.text(max_size=200))
def test_what_is_filled_in_is_never_parsed_again(value: str) -> None:
    assert parse("{{x}}").render({"x": value + "{{y}}", "y": "!"}, html=False) == value + "{{y}}"


@given(st.text(st.characters(exclude_characters="{"), max_size=300))
def test_text_without_variables_is_left_alone(source: str) -> None:
    assert parse(source).render({}, html=True) == source
