"""Rules → one condition of SQLAlchemy's over `contacts`, all values bound.

Every condition is true or false, never NULL, so `not` means not; and an AND at the top leaves each part to
the planner, which finds its index (trigrams for parts of an address or name, the tables' own for membership).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Text,
    and_,
    case,
    cast,
    collate,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from shared.addresses import address_key
from shared.audience.fields import NEGATED, kind_of, path_of
from shared.audience.rules import Group, Rule, Test
from shared.models import campaign_recipients, contact_tags, contacts, subscriptions, suppressions, tags
from shared.models.contacts import SEARCHED

Condition = ColumnElement[bool]

_STANDING = {"list": "subscribed", "unsubscribed_list": "unsubscribed", "unconfirmed_list": "unconfirmed"}
_DONE = {"opened": campaign_recipients.c.opened_at, "clicked": campaign_recipients.c.clicked_at}
_PARTLY = ("contains", "starts_with", "ends_with")
#: What of a text in the metadata is compared as a number, and as a date.
_NUMERAL = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ])"


def condition(rule: Rule, moment: datetime) -> Condition:
    """What `rule` asks of a row of `contacts`; `moment` is the now of `within_days`."""
    if isinstance(rule, Group):
        parts = [condition(item, moment) for item in rule.rules]
        if rule.kind == "all":
            return and_(*parts)
        return or_(*parts) if rule.kind == "any" else not_(or_(*parts))
    positive = NEGATED.get(rule.operator)
    if positive:
        return not_(_test(Test(rule.field, positive, rule.value), moment))
    return _test(rule, moment)


def has_search(rule: Rule) -> bool:
    """Whether `rule` looks for a part of an address or name anywhere, for which there is an index."""
    if isinstance(rule, Group):
        return any(map(has_search, rule.rules))
    return rule.operator in _PARTLY and kind_of(rule.field) == "text"


def _test(test: Test, moment: datetime) -> Condition:
    kind = kind_of(test.field)
    if kind == "metadata":
        return _of_metadata(test, moment)
    if kind == "date":
        return _of_date(contacts.c[test.field], test, moment)
    if kind == "text":
        return _of_text_column(test)
    return {"reason": _of_suppression, "tag": _of_tag, "list": _of_list, "campaign": _of_campaign}[str(kind)](
        test
    )


def _values(test: Test) -> tuple[Any, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)


def _of_text_column(test: Test) -> Condition:
    column = contacts.c[test.field]
    if test.field != "email" and test.operator == "exists":
        return and_(column.is_not(None), column != "")
    # what is in one is in all of them together, which has an index
    partly = test.operator in _PARTLY
    hint = [searched(address_key(test.value) if test.field == "email" else test.value)] if partly else []
    if test.field == "email":
        return and_(*hint, _of_text(contacts.c.email_key, test, address_key, folded=True))
    return and_(*hint, column.is_not(None), _of_text(column, test, str.lower, folded=False))


def _of_text(
    column: ColumnElement[Any], test: Test, fold: Callable[[str], str], *, folded: bool
) -> Condition:
    """Without regard to case; `folded`: what the column holds has none."""
    if test.operator == "exists":
        return column.is_not(None)
    values = [fold(value) for value in _values(test)]
    if test.operator in ("equals", "in"):
        return (column if folded else func.lower(column)).in_(values)
    (value,) = values
    head = "" if test.operator == "starts_with" else "%"
    tail = "" if test.operator == "ends_with" else "%"
    pattern = f"{head}{like_escaped(value)}{tail}"
    return column.like(pattern) if folded else column.ilike(pattern)


def searched(part: str) -> Condition:
    """Whether a contact's address or names hold `part`, in any case; found by trigrams."""
    return literal_column(f"({SEARCHED})", Text).like(func.lower(f"%{like_escaped(part)}%"))


def like_escaped(text: str) -> str:
    """`text` as a part of a LIKE pattern that means itself."""
    return re.sub(r"([%_\\])", r"\\\1", text)


def _of_date(column: ColumnElement[Any], test: Test, moment: datetime) -> Condition:
    there = column.is_not(None)
    if test.operator == "before":
        return and_(there, column < test.value)
    if test.operator == "after":
        return and_(there, column >= test.value)
    if test.operator == "within_days":
        return and_(there, column > moment - timedelta(days=test.value), column <= moment)
    return there


def _of_metadata(test: Test, moment: datetime) -> Condition:
    """What the metadata hold is compared as its text; with a number also texts that are numerals."""
    path = cast(list(path_of(test.field)), ARRAY(TEXT))
    value: Any = contacts.c.metadata.op("#>", return_type=JSONB())(path)
    text: Any = contacts.c.metadata.op("#>>", return_type=Text())(path)
    kind = func.coalesce(func.jsonb_typeof(value), "none")
    if test.operator == "exists":
        return kind.not_in(("none", "null"))
    plain = case((kind.in_(("string", "number", "boolean")), text), else_=None)
    if test.operator in ("gt", "gte", "lt", "lte"):
        return _of_number(_number(kind, text), test.operator, test.value)
    if test.operator in ("before", "after", "within_days"):
        return _of_day(plain, test, moment)
    if test.operator in ("equals", "in"):
        numbers = [item for item in _values(test) if not isinstance(item, bool | str)]
        texts = [_plain(item) for item in _values(test) if isinstance(item, bool | str)]
        return or_(
            false(),
            *([and_(plain.is_not(None), func.lower(plain).in_(texts))] if texts else []),
            *(_of_number(_number(kind, text), "eq", number) for number in numbers),
        )
    return and_(plain.is_not(None), _of_text(plain, test, str.lower, folded=False))


def _plain(value: str | bool) -> str:
    return str(value).lower()


def _number(kind: Any, text: Any) -> Any:
    numeral = or_(kind == "number", and_(kind == "string", text.regexp_match(_NUMERAL)))
    return case((numeral, cast(text, Numeric)), else_=None)


def _of_number(number: Any, operator: str, value: float) -> Condition:
    bound = cast(literal(str(value)), Numeric)
    compared = {
        "eq": number == bound,
        "gt": number > bound,
        "gte": number >= bound,
        "lt": number < bound,
        "lte": number <= bound,
    }[operator]
    return and_(number.is_not(None), compared)


def _of_day(text: Any, test: Test, moment: datetime) -> Condition:
    """By the day alone: dates in ISO 8601 sort as their texts do, and a wrong one raises nothing."""
    day = case((text.regexp_match(_DATE), collate(func.left(text, 10), "C")), else_=None)
    if test.operator == "before":
        return and_(day.is_not(None), day < test.value.date().isoformat())
    if test.operator == "after":
        return and_(day.is_not(None), day >= test.value.date().isoformat())
    first, last = moment.date() - timedelta(days=test.value), moment.date()
    return and_(day.is_not(None), day > first.isoformat(), day <= last.isoformat())


def _of_suppression(test: Test) -> Condition:
    return exists().where(
        suppressions.c.account_id == contacts.c.account_id,
        suppressions.c.address == contacts.c.email_key,
        *([] if test.operator == "exists" else [suppressions.c.reason.in_(_values(test))]),
    )


def _of_tag(test: Test) -> Condition:
    """By name, in any case, or by id."""
    theirs = contact_tags.c.contact_id == contacts.c.id
    if test.operator == "exists":
        return exists().where(theirs)
    ids = [id for id in map(_uuid, _values(test)) if id]
    named = func.lower(tags.c.name).in_([value.lower() for value in _values(test)])
    meant = and_(tags.c.account_id == contacts.c.account_id, or_(named, tags.c.id.in_(ids)) if ids else named)
    return exists().where(theirs, contact_tags.c.tag_id == tags.c.id, meant)


def _of_list(test: Test) -> Condition:
    return exists().where(
        subscriptions.c.contact_id == contacts.c.id,
        subscriptions.c.status == _STANDING[test.field],
        *([] if test.operator == "exists" else [subscriptions.c.list_id.in_(_values(test))]),
    )


def _of_campaign(test: Test) -> Condition:
    done = _DONE.get(test.field)
    return exists().where(
        campaign_recipients.c.contact_id == contacts.c.id,
        *([] if done is None else [done.is_not(None)]),
        *([] if test.operator == "exists" else [campaign_recipients.c.campaign_id.in_(_values(test))]),
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
