"""The checks that need the database, in their order: the same for the API, batches and SMTP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from services.gateway import quotas
from services.gateway.admission import recipient_refusals
from services.gateway.batch import Judged, admit
from services.gateway.personal import personalised
from services.gateway.principal import Principal


def admitted(tx: Connection, who: Principal, items: Sequence[Judged]) -> list[Judged]:
    """`items` after the checks of `tx`, which must be the transaction that accepts them."""
    items = admit(items, partial(recipient_refusals, tx, who))
    items = admit(items, partial(personalised, tx, who.account_id))
    return admit(items, partial(quotas.refusals, tx, who))
