"""Segments: what the database finds is what plain Python says, over random rules and random contacts."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from shared.addresses import address_key
from shared.audience.conditions import condition
from shared.audience.fields import FIELDS, OPERATORS, kind_of
from shared.audience.rules import parse_rules
from shared.ids import new_id
from shared.models import (
    accounts,
    campaign_recipients,
    campaigns,
    contact_tags,
    contacts,
    lists,
    subscriptions,
    suppressions,
    tags,
)
from tests.fixtures.database import Database
from tests.fixtures.segments import Somebody, meets

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
IDS = [str(uuid.UUID(int=number + 2**100)) for number in range(9)]
LISTS, CAMPAIGNS, TAG_IDS = IDS[:3], IDS[3:6], IDS[6:]
TAGS = dict(zip(["VIP", "émile", "50% off_"], TAG_IDS, strict=True))
TEXTS = [
    "ada",
    "Ada",
    "ÉMILE",
    "émile",
    "100%",
    "a_b",
    "x\\y",
    "O'Hara",
    " ",
    "a",
    "%",
    "_",
    "true",
    "42",
    "b\nc",
]
MOMENTS = [NOW + timedelta(days=days, seconds=seconds) for days in (-40, -7, -1, 0, 3) for seconds in (0, 1)]
DATES = ["2026-05-25", "2026-06-01", "2026-06-01T12:00:00Z", "2026-05-31T23:30:00+02:00"]
NUMBERS = [0, 1, 42, -3, 1.5, 42.0]
HELD = [
    *TEXTS,
    *NUMBERS,
    *DATES,
    True,
    False,
    None,
    "",
    "1.50",
    "-3",
    "2026-02-31",
    "2026-06-01x",
    [],
    {"key": "ada"},
]
KEYS = ["plan", "n", "when", "deep", "o'k"]
EMAILS = ["ada", "a_b", "x%y", "émile", "Bob"]
REASONS = ["unsubscribe", "complaint"]
FIELD_NAMES = [*FIELDS, *(f"metadata.{key}" for key in KEYS), "metadata.deep.key", "metadata.none"]


def somebody(dice: random.Random, number: int) -> Somebody:
    """A contact out of the pools that rules draw on too."""

    def some(pool: list[Any]) -> list[Any]:
        return dice.sample(pool, dice.randint(0, 2))

    received = set(some(CAMPAIGNS))
    opened = {item for item in received if dice.random() < 0.5}
    return Somebody(
        email=f"{dice.choice(EMAILS)}{number}@{dice.choice(['Example.com', 'b_c.test'])}",
        first_name=dice.choice([None, "", *TEXTS]),
        last_name=dice.choice([None, *TEXTS]),
        metadata={key: dice.choice(HELD) for key in KEYS if dice.random() < 0.7},
        created_at=dice.choice(MOMENTS),
        updated_at=dice.choice(MOMENTS),
        last_activity_at=dice.choice([None, *MOMENTS]),
        suppression=dice.choice([None, None, *REASONS]),
        tags={name: TAGS[name] for name in some(list(TAGS))},
        lists={id: dice.choice(["subscribed", "unsubscribed", "unconfirmed"]) for id in some(LISTS)},
        done={"received": received, "opened": opened, "clicked": set(sorted(opened)[:1])},
        id=new_id(),
    )


def pool_of(field: str, operator: str) -> list[Any]:
    """Values that the operator of a field takes."""
    if operator in ("before", "after"):
        return DATES
    if operator.endswith("within_days"):
        return [1, 7, 40]
    if operator in ("gt", "gte", "lt", "lte"):
        return NUMBERS
    kind = str(kind_of(field))
    pools: dict[str, list[Any]] = {
        "list": LISTS,
        "campaign": CAMPAIGNS,
        "reason": REASONS,
        "tag": ["vip", "Émile", "none", *TAG_IDS],
        "metadata": [*TEXTS, *NUMBERS, True, False],
        "text": [*TEXTS, "ada1@example.com", "@EXAMPLE"],
    }
    same = operator.removeprefix("not_") in ("equals", "in")
    return pools[kind] if same else [item for item in pools[kind] if isinstance(item, str)]


@st.composite
def a_test(draw: st.DrawFn) -> dict[str, Any]:
    """One test."""
    field = draw(st.sampled_from(FIELD_NAMES))
    operator = draw(st.sampled_from(OPERATORS[str(kind_of(field))]))
    if operator.endswith("exists"):
        return {"field": field, "operator": operator}
    value = st.sampled_from(pool_of(field, operator))
    several = operator in ("in", "not_in")
    return {
        "field": field,
        "operator": operator,
        "value": draw(st.lists(value, min_size=1, max_size=3) if several else value),
    }


RULES = st.recursive(
    a_test(),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": st.one_of(inner, st.lists(inner, min_size=1, max_size=2))}),
    ),
    max_leaves=6,
)


@dataclass
class World:
    """An account of random people, in a transaction that is rolled back."""

    tx: Connection
    account_id: uuid.UUID
    people: list[Somebody]

    def found(self, rules: dict[str, Any]) -> set[uuid.UUID]:
        """Whom the database finds."""
        query = select(contacts.c.id).where(
            contacts.c.account_id == self.account_id, condition(parse_rules(rules), NOW)
        )
        return set(self.tx.execute(query).scalars())


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    """Three hundred people."""
    dice = random.Random(NOW.toordinal())
    with database.connect() as tx:
        account_id, people = new_id(), [somebody(dice, number) for number in range(300)]
        tx.execute(insert(accounts).values(id=account_id, name="x"))
        for table, rows in rows_of(account_id, people).items():
            tx.execute(insert(table), rows)
        yield World(tx, account_id, people)
        tx.rollback()


def rows_of(account_id: uuid.UUID, people: list[Somebody]) -> dict[Any, list[dict[str, Any]]]:
    """Everything about them, table by table."""
    mine = {"account_id": account_id}
    plain = (
        "id",
        "email",
        "first_name",
        "last_name",
        "metadata",
        "created_at",
        "updated_at",
        "last_activity_at",
    )
    campaign = {**mine, "name": "", "subject": "", "from_email": "", "audience": {}}
    return {
        lists: [{**mine, "id": id, "name": id} for id in LISTS],
        tags: [{**mine, "id": id, "name": name, "color": "#000000"} for name, id in TAGS.items()],
        campaigns: [{**campaign, "id": id} for id in CAMPAIGNS],
        contacts: [
            {**mine, **{name: getattr(who, name) for name in plain}, "email_key": address_key(who.email)}
            for who in people
        ],
        suppressions: [
            {
                **mine,
                "id": new_id(),
                "address": address_key(who.email),
                "reason": who.suppression,
                "source": "x",
            }
            for who in people
            if who.suppression
        ],
        contact_tags: [
            {**mine, "tag_id": id, "contact_id": who.id} for who in people for id in who.tags.values()
        ],
        subscriptions: [
            {**mine, "list_id": id, "contact_id": who.id, "status": status, "source": "x"}
            for who in people
            for id, status in who.lists.items()
        ],
        campaign_recipients: [
            {
                "campaign_id": id,
                "contact_id": who.id,
                "email_id": new_id(),
                "opened_at": NOW if id in who.done["opened"] else None,
                "clicked_at": NOW if id in who.done["clicked"] else None,
            }
            for who in people
            for id in who.done["received"]
        ],
    }


@settings(max_examples=max(settings.default.max_examples, 300), deadline=None)
@given(rules=RULES)
def test_the_database_finds_whom_plain_python_finds(world: World, rules: dict[str, Any]) -> None:
    expected = {who.id for who in world.people if meets(who, rules, NOW)}
    assert world.found(rules) == expected


@pytest.mark.parametrize("field", FIELD_NAMES)
def test_every_operator_of_a_field_finds_whom_plain_python_finds(world: World, field: str) -> None:
    for operator in OPERATORS[str(kind_of(field))]:
        values = [None] if operator.endswith("exists") else pool_of(field, operator)
        for value in values:
            rule = {"field": field, "operator": operator}
            if value is not None:
                rule["value"] = [value] if operator in ("in", "not_in") else value
            assert world.found(rule) == {who.id for who in world.people if meets(who, rule, NOW)}, rule


def test_a_segment_holds_nobody_of_another_account(world: World) -> None:
    other = World(world.tx, new_id(), [])
    assert other.found({"field": "email", "operator": "contains", "value": "@"}) == set()
    assert len(world.found({"field": "email", "operator": "contains", "value": "@"})) == len(world.people)
