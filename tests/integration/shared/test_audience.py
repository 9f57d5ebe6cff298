"""Whom an audience reaches: once each, only who is subscribed, nobody who is suppressed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, insert

from shared import subscriptions
from shared.audience import Audience, count, page
from shared.ids import new_id
from shared.models import accounts, contact_tags, contacts, lists, tags
from shared.suppressions import Suppression, suppress
from tests.fixtures.database import Database


@dataclass(frozen=True)
class World:
    """An account in a transaction that is rolled back."""

    tx: Connection
    account_id: uuid.UUID

    def a_list(self) -> uuid.UUID:
        """A new list."""
        id = new_id()
        self.tx.execute(insert(lists).values(id=id, account_id=self.account_id, name="x"))
        return id

    def contact(self, *list_ids: uuid.UUID, confirmed: bool = True) -> uuid.UUID:
        """Somebody on lists."""
        id, email = new_id(), f"{uuid.uuid4().hex}@example.com"
        self.tx.execute(
            insert(contacts).values(id=id, account_id=self.account_id, email=email, email_key=email)
        )
        for list_id in list_ids:
            subscriptions.subscribe(self.tx, self.account_id, list_id, [id], "api", confirmed=confirmed)
        return id

    def tag(self, *contact_ids: uuid.UUID) -> uuid.UUID:
        """A new tag of theirs."""
        id = new_id()
        self.tx.execute(insert(tags).values(id=id, account_id=self.account_id, name=str(id), color="#000000"))
        for contact_id in contact_ids:
            row = {"tag_id": id, "contact_id": contact_id, "account_id": self.account_id}
            self.tx.execute(insert(contact_tags).values(row))
        return id

    def reached(self, audience: Audience) -> list[uuid.UUID]:
        """All of it, in pages of two."""
        found: list[uuid.UUID] = []
        while rows := page(self.tx, self.account_id, audience, found[-1] if found else None, 2):
            found += [row.id for row in rows]
        assert count(self.tx, self.account_id, audience) == len(found)
        return found


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """A fresh account."""
    with database.connect() as connection:
        id = new_id()
        connection.execute(insert(accounts).values(id=id, name="x"))
        yield World(connection, id)
        connection.rollback()


def test_everybody_on_any_of_the_lists_is_reached_once(world: World) -> None:
    one, other, third = world.a_list(), world.a_list(), world.a_list()
    both, left, right = world.contact(one, other), world.contact(one), world.contact(other)
    world.contact(third)
    world.contact()
    assert world.reached(Audience(list_ids=(one, other))) == [both, left, right]


def test_nobody_is_reached_who_has_unsubscribed_not_confirmed_or_is_suppressed(world: World) -> None:
    one, other = world.a_list(), world.a_list()
    kept, gone, suppressed = world.contact(one, other), world.contact(one), world.contact(one)
    unconfirmed = world.contact(one, confirmed=False)
    subscriptions.unsubscribe(world.tx, world.account_id, [kept, gone], [one], "tracker")
    email = world.tx.execute(contacts.select().where(contacts.c.id == suppressed)).one().email
    suppress(world.tx, Suppression(world.account_id, email, "unsubscribe", "tracker"))
    assert world.reached(Audience(list_ids=(one,))) == []
    assert world.reached(Audience(list_ids=(one, other))) == [kept]
    assert subscriptions.confirm(world.tx, world.account_id, unconfirmed, [one, other]) == [one]
    assert subscriptions.confirm(world.tx, world.account_id, gone, [one]) == []
    assert world.reached(Audience(list_ids=(one,))) == [unconfirmed]


def test_without_lists_those_are_reached_who_are_subscribed_somewhere_or_were_never_asked(
    world: World,
) -> None:
    one, other = world.a_list(), world.a_list()
    kept, gone, nowhere = world.contact(one, other), world.contact(one, other), world.contact()
    world.contact(one, confirmed=False)
    subscriptions.unsubscribe(world.tx, world.account_id, [kept], [one], "tracker")
    assert len(subscriptions.unsubscribe(world.tx, world.account_id, [gone], None, "tracker")) == 2
    assert world.reached(Audience()) == [kept, nowhere]


def test_tags_narrow_and_exclusions_take_out(world: World) -> None:
    one, other = world.a_list(), world.a_list()
    first, second, third, fourth = (world.contact(one) for _ in range(4))
    subscriptions.subscribe(world.tx, world.account_id, other, [second], "api")
    vip, hot, cold = world.tag(first, second, third), world.tag(third), world.tag(first)
    audience = Audience(list_ids=(one,), tag_ids=(vip, hot))
    assert world.reached(audience) == [first, second, third]
    assert world.reached(Audience((one,), (vip,), (other,), (cold,))) == [third]
    assert world.reached(Audience((one,), (), (), (vip,))) == [fourth]


def test_subscribing_passes_over_what_is_of_another_account(world: World) -> None:
    foreign, at = new_id(), new_id()
    world.tx.execute(insert(accounts).values(id=foreign, name="x"))
    world.tx.execute(insert(lists).values(id=at, account_id=foreign, name="x"))
    contact = world.contact()
    for account_id in (foreign, world.account_id):
        assert subscriptions.subscribe(world.tx, account_id, at, [contact], "api") == set()
    mine = world.a_list()
    assert subscriptions.subscribe(world.tx, foreign, mine, [contact], "api") == set()
    assert world.reached(Audience(list_ids=(mine, at))) == []
