"""The event writer: batches of hits → Postgres, a transaction each."""

from __future__ import annotations

from sqlalchemy import text

from services.tracker.hits import UNSUBSCRIBE, Hit, parse
from services.tracker.record import record
from shared.broker import consumes
from shared.contracts import RecordHits
from shared.db import transaction
from shared.observability import get_logger
from shared.tracking import Unsubscription, tokens
from shared.unsubscribing import ALL, LISTS, unsubscribe

log = get_logger("tracker")

# A sender that records the same recipients must not be the one whom Postgres sends away where the two wait
# for each other: it looks for that after a second, and by then we have given up, to try again.
_YIELD = text("SET LOCAL lock_timeout = '500ms'")


@consumes(RecordHits, outlasts_database=True)
def record_hits(message: RecordHits) -> None:
    """Opens and clicks of one batch, and the ways out that were followed while the database was away."""
    known = tokens()
    hits = [hit for line in message.hits if (hit := parse(line, known)) is not None]
    if len(hits) < len(message.hits):
        log.warning("tracker.lines_unreadable", lines=len(message.hits) - len(hits))
    with transaction() as tx:
        tx.execute(_YIELD)
        new = record(tx, hits)
    for hit in hits:
        if hit.kind == UNSUBSCRIBE:
            _unsubscribe(hit)
    log.info("tracker.recorded", hits=len(hits), new=new)


def _unsubscribe(hit: Hit) -> None:
    link = Unsubscription(hit.email_id, hit.position, hit.contact_id, hit.campaign_id)
    with transaction() as tx:
        unsubscribe(tx, link, ALL if hit.scope == ALL else LISTS, event_id=hit.id)
