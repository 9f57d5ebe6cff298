"""Segment rules: what is none is refused with a pointer to the place."""

from __future__ import annotations

from typing import Any

import pytest

from shared.audience.rules import MAX_TESTS, Group, RulesError, Test, parse_rules

EMAIL = {"field": "email", "operator": "contains", "value": "@"}


@pytest.mark.parametrize(
    ("rules", "pointers"),
    [
        ([], [""]),
        ("x", [""]),
        ({}, ["/field"]),
        ({"all": []}, ["/all"]),
        ({"any": EMAIL}, ["/any"]),
        ({"not": 1}, ["/not"]),
        ({"all": [EMAIL], "any": [EMAIL]}, [""]),
        ({**EMAIL, "values": 1}, [""]),
        ({**EMAIL, "field": "mail"}, ["/field"]),
        ({**EMAIL, "field": 7}, ["/field"]),
        ({**EMAIL, "field": "metadata."}, ["/field"]),
        ({**EMAIL, "field": "metadata.a..b"}, ["/field"]),
        ({**EMAIL, "operator": "like"}, ["/operator"]),
        ({**EMAIL, "operator": "gt"}, ["/operator"]),
        ({**EMAIL, "operator": []}, ["/operator"]),
        ({"field": "email", "operator": "equals"}, ["/value"]),
        ({**EMAIL, "value": ""}, ["/value"]),
        ({**EMAIL, "value": 5}, ["/value"]),
        ({**EMAIL, "value": "x" * 1001}, ["/value"]),
        ({**EMAIL, "operator": "in", "value": "a"}, ["/value"]),
        ({**EMAIL, "operator": "in", "value": ["a", 1, None]}, ["/value/1", "/value/2"]),
        ({**EMAIL, "operator": "exists", "value": "x"}, ["/value"]),
        ({"field": "metadata.n", "operator": "gt", "value": "5"}, ["/value"]),
        ({"field": "metadata.n", "operator": "gt", "value": True}, ["/value"]),
        ({"field": "metadata.n", "operator": "gt", "value": 1e300}, ["/value"]),
        ({"field": "metadata.n", "operator": "equals", "value": {}}, ["/value"]),
        ({"field": "created_at", "operator": "before", "value": "yesterday"}, ["/value"]),
        ({"field": "created_at", "operator": "before", "value": "2026-02-31"}, ["/value"]),
        ({"field": "created_at", "operator": "within_days", "value": 0}, ["/value"]),
        ({"field": "created_at", "operator": "within_days", "value": 1.5}, ["/value"]),
        ({"field": "created_at", "operator": "equals", "value": "2026-06-01"}, ["/operator"]),
        ({"field": "list", "operator": "equals", "value": "News"}, ["/value"]),
        ({"field": "opened", "operator": "in", "value": ["x"]}, ["/value/0"]),
        ({"field": "suppression", "operator": "equals", "value": "x"}, ["/value"]),
        ({"any": [EMAIL, {"not": [{**EMAIL, "value": 1}, 3]}]}, ["/any/1/not/0/value", "/any/1/not/1"]),
    ],
)
def test_what_is_no_rule_is_refused_with_a_pointer(rules: Any, pointers: list[str]) -> None:
    with pytest.raises(RulesError) as refused:
        parse_rules(rules)
    assert [error.pointer for error in refused.value.errors] == pointers


def test_rules_are_not_nested_without_end_nor_without_number() -> None:
    rules: Any = EMAIL
    for _ in range(7):
        rules = {"not": rules}
    assert isinstance(parse_rules(rules), Group)
    with pytest.raises(RulesError, match="deep"):
        parse_rules({"not": rules})
    with pytest.raises(RulesError, match="At most"):
        parse_rules({"all": [{"any": [EMAIL] * 51}, {"any": [EMAIL] * (MAX_TESTS - 50)}]})


def test_the_documented_rule_is_one() -> None:
    assert parse_rules(EMAIL) == Test("email", "contains", "@")
