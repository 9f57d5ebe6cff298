"""An audience as a campaign keeps it (`campaigns.audience`) → `Audience`, with its segments as they are now.

`{"list_ids", "tag_ids", "segment_id" or "segment_ids", "exclude_list_ids", "exclude_tag_ids",
"exclude_segment_ids"}`, each an array of ids as text (`segment_id`: one), and each may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from shared.audience.audience import Audience
from shared.audience.rules import Rule, parse_rules
from shared.models import lists, segments, tags


class AudienceGone(LookupError):
    """A part of the audience is not there (any more); `part` and `id` say which."""

    def __init__(self, part: str, id: UUID) -> None:
        super().__init__(f"{part}: there is nothing with the id {id}")
        self.part, self.id = part, id


def read_audience(
    tx: Connection, account_id: UUID, stored: Mapping[str, Any], moment: datetime | None = None
) -> Audience:
    """What `stored` means.

    Args:
        moment: the now of rules that ask how long ago something was: the same for all pages of a fan-out.

    Raises:
        AudienceGone: it names a list, tag or segment that the account has not. Nobody is left out, or
            written to, because something was deleted.
    """
    one = stored.get("segment_id")
    included = [*([one] if one else []), *(stored.get("segment_ids") or ())]
    for part, table in (("list", lists), ("tag", tags)):
        for name in (f"{part}_ids", f"exclude_{part}_ids"):
            _check(tx, account_id, table, name, _ids(stored, name))
    return Audience(
        list_ids=_ids(stored, "list_ids"),
        tag_ids=_ids(stored, "tag_ids"),
        exclude_list_ids=_ids(stored, "exclude_list_ids"),
        exclude_tag_ids=_ids(stored, "exclude_tag_ids"),
        rules=_rules(tx, account_id, "segment_ids", [UUID(str(id)) for id in included]),
        exclude_rules=_rules(tx, account_id, "exclude_segment_ids", _ids(stored, "exclude_segment_ids")),
        moment=moment,
    )


def _ids(stored: Mapping[str, Any], name: str) -> tuple[UUID, ...]:
    return tuple(UUID(str(id)) for id in stored.get(name) or ())


def _check(tx: Connection, account_id: UUID, table: Any, part: str, ids: Sequence[UUID]) -> None:
    if not ids:
        return
    query = select(table.c.id).where(table.c.account_id == account_id, table.c.id.in_(ids))
    found = set(tx.execute(query).scalars())
    for id in ids:
        if id not in found:
            raise AudienceGone(part, id)


def _rules(tx: Connection, account_id: UUID, part: str, ids: Sequence[UUID]) -> tuple[Rule, ...]:
    if not ids:
        return ()
    query = select(segments.c.id, segments.c.rules).where(
        segments.c.account_id == account_id, segments.c.id.in_(ids)
    )
    found = {row.id: row.rules for row in tx.execute(query)}
    for id in ids:
        if id not in found:
            raise AudienceGone(part, id)
    return tuple(parse_rules(found[id]) for id in ids)
