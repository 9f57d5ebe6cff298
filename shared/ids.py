"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that ids sort by creation time and partitions can be cut by id."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils
import uuid_utils.compat


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid_utils.compat.uuid7()


def new_id_text() -> str:
    """The same as text, in an eighth of the time."""
    return str(uuid_utils.uuid7())


def id_floor(moment: datetime) -> UUID:
    """The smallest id that could have been made at `moment`: the bound of a partition or a time filter."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def id_time(value: UUID) -> datetime:
    """When a UUIDv7 was made (millisecond precision, UTC)."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)
