"""The audit log: who changed what that matters to security. Written in the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from shared.ids import new_id
from shared.models import audit_log
from shared.observability import current_request_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: `kind` as in `ACTORS`; `ip` where they are, if that is known."""

    account_id: UUID
    kind: str
    id: UUID | None = None
    ip: str | None = None


def record(
    tx: Connection, actor: Actor, action: str, object_id: UUID | None, data: dict[str, Any] | None = None
) -> None:
    """Notes a change.

    Args:
        action: the object's type and what was done to it, in the past tense: `credential.created`.
        data: what changed, as JSON can say it; never a secret.
    """
    tx.execute(
        insert(audit_log).values(
            id=new_id(),
            account_id=actor.account_id,
            actor=actor.kind,
            actor_id=actor.id,
            action=action,
            object_type=action.partition(".")[0],
            object_id=object_id,
            data=data,
            ip=actor.ip,
            request_id=current_request_id(),
        )
    )
