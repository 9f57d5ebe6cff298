"""An audience as data, and as one SQLAlchemy statement that others may narrow, count or insert from.

Nobody is in it twice, whatever lists they are on. Nobody is in it who is suppressed (for whatever reason: all
stop bulk mail), or not `subscribed` where it is about lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, exists, func, not_, or_, select, text

from shared.audience.conditions import condition, has_search
from shared.audience.rules import Rule
from shared.clock import now
from shared.models import contact_tags, contacts, subscriptions, suppressions
from shared.subscriptions import SUBSCRIBED

#: What is read of each recipient.
COLUMNS = (
    contacts.c.id,
    contacts.c.email,
    contacts.c.first_name,
    contacts.c.last_name,
    contacts.c.metadata,
)


# A page is a few rows: processes that help to read the table would each read more than that.
_BY_INDEX = text(
    """
    SELECT set_config('enable_seqscan', 'off', true),
        set_config('max_parallel_workers_per_gather', '0', true),
        set_config('enable_bitmapscan', :bitmaps, true)
    """
)


@dataclass(frozen=True)
class Audience:
    """Who is meant; empty parts say nothing.

    Whoever is subscribed to any of `list_ids`, has any of `tag_ids` and meets all of `rules`, but is on none
    of `exclude_list_ids`, has none of `exclude_tag_ids` and meets none of `exclude_rules`. Without
    `list_ids`: everybody who is subscribed to any list at all, or was never put on one.
    """

    list_ids: tuple[UUID, ...] = ()
    tag_ids: tuple[UUID, ...] = ()
    exclude_list_ids: tuple[UUID, ...] = ()
    exclude_tag_ids: tuple[UUID, ...] = ()
    rules: tuple[Rule, ...] = ()
    exclude_rules: tuple[Rule, ...] = ()
    #: the now of rules that ask how long ago something was; None: when it is asked
    moment: datetime | None = None


def recipients_of(account_id: UUID, audience: Audience, after: UUID | None = None) -> Select[Any]:
    """The contacts of the audience (`COLUMNS`) whose id is greater than `after`, in no order."""
    moment = audience.moment or now()
    return select(*COLUMNS).where(
        contacts.c.account_id == account_id,
        *([contacts.c.id > after] if after else []),
        _reached(audience.list_ids, after),
        *([_tagged(audience.tag_ids)] if audience.tag_ids else []),
        *([~_on(audience.exclude_list_ids)] if audience.exclude_list_ids else []),
        *([~_tagged(audience.exclude_tag_ids)] if audience.exclude_tag_ids else []),
        *(condition(rule, moment) for rule in audience.rules),
        *(not_(condition(rule, moment)) for rule in audience.exclude_rules),
        ~exists().where(
            suppressions.c.account_id == account_id, suppressions.c.address == contacts.c.email_key
        ),
    )


def by_index(tx: Connection, rules: Iterable[Rule] = (), *, search: bool = False) -> None:
    """Has the rest of `tx` read contacts in pages along an index, however few of them the planner expects.

    It guesses that hardly anybody meets a rule about metadata, and reads all contacts of the account and
    sorts them for each page then. Where a part of an address or name is looked for, that index is a bitmap.

    Args:
        rules: what they must meet.
        search: whether they are searched for besides.
    """
    bitmaps = search or any(map(has_search, rules))
    tx.execute(_BY_INDEX, {"bitmaps": "on" if bitmaps else "off"})


def page(
    tx: Connection, account_id: UUID, audience: Audience, after: UUID | None, limit: int
) -> Sequence[Any]:
    """The next `limit` recipients behind the id `after`, by id: rows of `COLUMNS`; none: that was all."""
    by_index(tx, audience.rules)
    query = recipients_of(account_id, audience, after)
    return tx.execute(query.order_by(contacts.c.id).limit(limit)).all()


def count(tx: Connection, account_id: UUID, audience: Audience) -> int:
    """How many the audience has at this moment."""
    inner = recipients_of(account_id, audience).with_only_columns(contacts.c.id).subquery()
    return int(tx.execute(select(func.count()).select_from(inner)).scalar_one())


def _reached(list_ids: Sequence[UUID], after: UUID | None) -> ColumnElement[bool]:
    subscribed = subscriptions.c.status == SUBSCRIBED
    if list_ids:
        # said of both sides: a merge of the two would read one of them from its beginning for each page
        return _on(list_ids, subscribed, *([subscriptions.c.contact_id > after] if after else []))
    anywhere = subscriptions.c.contact_id == contacts.c.id
    return or_(exists().where(anywhere, subscribed), ~exists().where(anywhere))


def _on(list_ids: Sequence[UUID], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        subscriptions.c.list_id.in_(list_ids), subscriptions.c.contact_id == contacts.c.id, *conditions
    )


def _tagged(tag_ids: Sequence[UUID]) -> ColumnElement[bool]:
    return exists().where(contact_tags.c.tag_id.in_(tag_ids), contact_tags.c.contact_id == contacts.c.id)
