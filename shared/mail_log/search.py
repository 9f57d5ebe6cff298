"""The log of what was sent: what a filter finds, counted and in pages, and all of it piece by piece.

No request reads without bound, however many emails there are. What an index answers (time, trouble, an
address, a Message-ID) is looked for among all of them and counted up to `COUNTED`; everything else, parts of
subjects too, among the latest `LOOKED` of these: an index of subjects costs too much (models/emails).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Select, Uuid, func, or_, select, text, union_all

from shared.ids import id_time
from shared.mail_log.filter import Conditions, LogFilter
from shared.models import emails, recipients
from shared.models.emails import FOREIGN_MESSAGE_ID

#: Emails that are counted, and that are looked at for what no index has.
COUNTED, LOOKED = 10_000, 30_000
#: Letters of which an index of trigrams knows something.
_TRIGRAM = 3

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_IS_FOREIGN = text(
    FOREIGN_MESSAGE_ID.replace("message_id", "emails.message_id").replace(" id:", " emails.id:")
)


@dataclass(frozen=True)
class Part:
    """At most `limit` of what is found, after (older than) an id, or behind `offset` others."""

    limit: int
    after: UUID | None = None
    offset: int = 0


@dataclass(frozen=True)
class Found:
    """A page of ids, newest first, and where it goes on: behind `next`; None: there is no more.

    `total` is counted up to `COUNTED`, and is not `exact` then, or where older emails were not looked at:
    those from before `looked_since`.
    """

    ids: list[UUID]
    next: UUID | None
    total: int
    exact: bool
    looked_since: datetime | None


def find(tx: Connection, account_id: UUID, which: LogFilter, part: Part) -> Found:
    """A page of what the filter finds.

    Without a search, who goes on behind `next` comes by and by to everything; subjects are searched among the
    latest emails of the filter's time, whatever page it is.
    """
    search = _Search.of(tx, account_id, which)
    total, ids = _counted(tx, search, part)
    exact = total <= COUNTED and search.floor is None
    if part.after and not which.search:
        search = _Search.of(tx, account_id, which, part.after)
    if part.after or part.offset + part.limit >= COUNTED:
        ids = list(tx.execute(search.ids(part.limit + 1, part.after).offset(part.offset)).scalars())
    page, more = ids[: part.limit], len(ids) > part.limit
    older = None if which.search else search.floor
    return Found(
        ids=page,
        next=page[-1] if more else older,
        total=min(total, COUNTED),
        exact=exact,
        looked_since=id_time(search.floor) if search.floor else None,
    )


def walk(
    tx: Connection, account_id: UUID, which: LogFilter, after: UUID | None, limit: int
) -> tuple[list[UUID], UUID | None]:
    """The next ids that the filter finds behind `after`, and behind which there is more; None: there is none.

    It may find nothing, and yet there is more: each looks at so many emails and no further.
    """
    search = _Search.of(tx, account_id, which, after, whole=True)
    ids = list(tx.execute(search.ids(limit + 1, after)).scalars())
    return ids[:limit], ids[limit - 1] if len(ids) > limit else search.floor


def _counted(tx: Connection, search: _Search, part: Part) -> tuple[int, list[UUID]]:
    """How many there are, `COUNTED` and one at most, and of these the numbered page and one more."""
    found = search.ids(COUNTED + 1).cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    page = select(found.c.id).order_by(found.c.id.desc()).limit(part.limit + 1).offset(part.offset)
    total = select(func.count()).select_from(found).scalar_subquery()
    row = tx.execute(select(total, func.array(page.scalar_subquery(), type_=ARRAY(Uuid)))).one()
    return row[0], list(row[1])


@dataclass(frozen=True)
class _Search:
    """A filter, and down to which id is looked for what no index has; None: all are looked at."""

    conditions: Conditions
    floor: UUID | None
    #: what an index has is not looked for below it either
    whole: bool

    @classmethod
    def of(
        cls,
        tx: Connection,
        account_id: UUID,
        which: LogFilter,
        after: UUID | None = None,
        *,
        whole: bool = False,
    ) -> _Search:
        conditions = Conditions.of(tx, account_id, which)
        if not which.search and conditions.are_indexed:
            return cls(conditions, None, whole)
        newest = conditions.newest()
        if after:
            newest = newest.where(newest.selected_columns[0] < after)
        around = list(tx.execute(newest.offset(LOOKED - 1).limit(2)).scalars())
        return cls(conditions, around[0] if len(around) == 2 else None, whole)

    def ids(self, limit: int, after: UUID | None = None) -> Select[UUID]:
        """Selects at most `limit` ids, newest first."""
        older = [emails.c.id < after] if after else []
        words = self.conditions.which.search
        if not words:
            query = select(emails.c.id).where(*self.conditions.all(self.floor), *older)
            return query.order_by(emails.c.id.desc()).limit(limit)
        branches = [self._addressed(words, after), *(query.where(*older) for query in self._named(words))]
        bounded = (query.order_by(text("1 DESC")).limit(limit).subquery() for query in branches)
        either = union_all(*(select(branch) for branch in bounded)).subquery()
        return select(either.c.id).distinct().order_by(either.c.id.desc()).limit(limit)

    def _addressed(self, words: str, after: UUID | None) -> Select[UUID]:
        """By a part of a recipient's address."""
        id = recipients.c.email_id
        query = select(id.label("id")).distinct()
        query = query.where(
            recipients.c.account_id == self.conditions.account_id,
            func.lower(recipients.c.address).contains(words.lower(), autoescape=True),
            *self.conditions.range(id),
            *([id < after] if after else []),
            *([id >= self.floor] if self.floor and (self.whole or len(words) < _TRIGRAM) else []),
        )
        if self.conditions.are_none:
            return query
        latest = query.order_by(id.desc()).limit(LOOKED).subquery()
        return select(latest.c.id).join(emails, emails.c.id == latest.c.id).where(*self.conditions.all(None))

    def _named(self, words: str) -> list[Select[UUID]]:
        """By subject, by Message-ID, and by id, which is in every Message-ID of our own making."""
        spoken = or_(
            emails.c.subject.icontains(words, autoescape=True),
            emails.c.message_id.contains(words, autoescape=True),
        )
        everything = self.conditions.all(self.floor if self.whole else None)
        queries = [select(emails.c.id).where(*self.conditions.all(self.floor), spoken)]
        bare = words.strip().removeprefix("<").removesuffix(">")
        foreign = select(emails.c.id).where(*everything, emails.c.message_id == f"<{bare}>", _IS_FOREIGN)
        own = _UUID.search(words)
        if own:
            queries.append(select(emails.c.id).where(*everything, emails.c.id == UUID(own[0])))
        return [*queries, foreign]
