"""Contacts at a million: how long a page of them takes, and that no query reads the whole table for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, event, text

from services.gateway import contact_views, segment_store
from services.gateway.windows import Window
from shared.audience import Audience, by_index, parse_rules, recipients_of
from shared.ids import new_id
from shared.models import contacts
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile

CONTACTS = int(os.environ.get("AUDIENCE_CONTACTS", "1000000"))
#: Pages read of each kind, all along the ids.
PAGES = 50

_FILL = (
    """
    INSERT INTO contacts (id, account_id, email, email_key, first_name, last_name, metadata, last_activity_at)
    SELECT CAST(lpad(to_hex(CAST(:base AS bigint) + n), 12, '0') || '7000800000000000'
            || lpad(to_hex(n), 4, '0') AS uuid),
        :account, name || n || '@' || host, name || n || '@' || host, initcap(name), 'Number' || n % 1000,
        jsonb_build_object('plan', CASE WHEN n % 50 = 0 THEN 'pro' ELSE 'free' END, 'n', n),
        CASE WHEN n % 100 = 0 THEN now() - n % 90 * interval '1 day' END
    FROM generate_series(1, CAST(:number AS integer)) AS n,
        LATERAL (SELECT (ARRAY['maria', 'john', 'wei', 'fatima', 'olga', 'pedro'])[1 + n % 6] AS name,
            (ARRAY['gmail.com', 'example.org', 'web.de'])[1 + n % 3]
                || CASE WHEN n % 5000 = 0 THEN '.rare' ELSE '' END AS host) AS made
    """,
    """
    INSERT INTO subscriptions (list_id, contact_id, account_id, status, source)
    SELECT :large, id, account_id, 'subscribed', 'bench' FROM contacts WHERE account_id = :account
    """,
    """
    INSERT INTO subscriptions (list_id, contact_id, account_id, status, source)
    SELECT :small, id, account_id, 'subscribed', 'bench' FROM contacts
    WHERE account_id = :account AND last_name = 'Number7'
    """,
    """
    INSERT INTO contact_tags (tag_id, contact_id, account_id)
    SELECT :tag, id, account_id FROM contacts WHERE account_id = :account AND last_name = 'Number500'
    """,
    """
    INSERT INTO suppressions (id, account_id, address, reason, source)
    SELECT id, account_id, email_key, 'manual', 'bench' FROM contacts
    WHERE account_id = :account AND last_name = 'Number77'
    """,
)


def run(bench: Bench) -> list[Figure]:
    """Each kind of page: its p95 by SQL alone, and whether an index leads to it."""
    account, large, small, tag = _filled(bench)
    figures: list[Figure] = []
    places = _places(bench, account)
    with bench.engine.connect() as tx:
        for name, read in _kinds(account, large, small, tag).items():
            figures.append(Figure(f"page of {name}, p95", "ms", [_p95(tx, places, read)]))
            scanned = _scanned(tx, read)
            assert "contacts" not in scanned, f"{name} reads all of {scanned}"
    return figures


Read = Callable[[Connection, UUID | None], Any]


def _kinds(account: UUID, large: UUID, small: UUID, tag: UUID) -> dict[str, Read]:
    def window(**which: Any) -> Read:
        return lambda tx, after: contact_views.window(
            tx, account, Window(20, after=after), contact_views.Filter(**which)
        )

    def members(list_id: UUID, **which: Any) -> Read:
        return lambda tx, after: contact_views.members(
            tx, account, list_id, Window(20, after=after), contact_views.Filter(**which)
        )

    def segment(rules: dict[str, Any]) -> Read:
        return lambda tx, after: segment_store.members(
            tx, account, parse_rules(rules), Window(20, after=after)
        )

    def audience(meant: Audience) -> Read:
        def read(tx: Connection, after: UUID | None) -> Any:
            by_index(tx, meant.rules)
            query: Select[Any] = recipients_of(account, meant, after)
            return tx.execute(query.order_by(contacts.c.id).limit(1_000)).all()

        return read

    text_rule = {"field": "email", "operator": "contains", "value": "123456"}
    return {
        "all contacts": window(),
        "contacts of a small list": window(list_id=small),
        "contacts with a tag": window(tag_id=tag),
        "a list of all": members(large),
        "a list of a thousandth": members(small),
        "a search that finds one in 5,000": window(search=".rare"),
        "a search that finds a third": window(search="gmail"),
        "a search that finds a few": window(search="a123456@"),
        "a segment, email contains": segment(text_rule),
        "a segment, email starts with": segment(
            {**text_rule, "operator": "starts_with", "value": "wei99998"}
        ),
        "a segment, name equals and metadata": segment(
            {
                "all": [
                    {"field": "metadata.plan", "operator": "equals", "value": "pro"},
                    {"field": "first_name", "operator": "equals", "value": "wei"},
                ]
            }
        ),
        "a segment, tag or small list": segment(
            {
                "any": [
                    {"field": "tag", "operator": "equals", "value": str(tag)},
                    {"field": "list", "operator": "equals", "value": str(small)},
                ]
            }
        ),
        "an audience, large list, 1,000 at once": audience(Audience(list_ids=(large,))),
        "an audience, small list, 1,000 at once": audience(Audience(list_ids=(small,))),
        "an audience, both but a tag, 1,000 at once": audience(
            Audience(list_ids=(large, small), exclude_tag_ids=(tag,))
        ),
    }


def _filled(bench: Bench) -> tuple[UUID, UUID, UUID, UUID]:
    account = UUID(bench.api.get("/api/account").json()["id"])
    large, small = (UUID(bench.api.post("/api/lists", {"name": "x"}).json()["id"]) for _ in range(2))
    tag = UUID(bench.api.post("/api/tags", {"name": "bench"}).json()["id"])
    values = {"account": account, "large": large, "small": small, "tag": tag, "number": CONTACTS}
    for statement in _FILL:
        bench.sql(statement, **values, base=new_id().int >> 80)
    with bench.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("contacts", "subscriptions", "contact_tags", "suppressions"):
            connection.execute(text(f"VACUUM (ANALYZE) {table}"))
    return account, large, small, tag


def _places(bench: Bench, account: UUID) -> list[UUID]:
    """Ids all along the contacts, behind which pages are read."""
    ids = bench.sql(
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM contacts"
        " WHERE account_id = :account) AS numbered WHERE n % :step = 0",
        account=account,
        step=CONTACTS // PAGES,
    )
    return [UUID(str(id)) for (id,) in ids]


def _p95(tx: Connection, places: list[UUID], read: Read) -> float:
    took = []
    for after in places:
        began = time.perf_counter()
        read(tx, after)
        took.append((time.perf_counter() - began) * 1000)
        tx.rollback()
    return percentile(took, 0.95)


def _scanned(tx: Connection, read: Read) -> set[str]:
    """The tables that the query of a first page reads from end to end."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        statements.append((statement, parameters))

    event.listen(tx, "before_cursor_execute", note)
    read(tx, None)
    event.remove(tx, "before_cursor_execute", note)
    found: set[str] = set()
    for statement, parameters in statements:
        if not statement.lstrip().startswith("SELECT"):
            continue
        plan = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
        found |= _seq_scans(plan[0]["Plan"])
    tx.rollback()
    return found


def _seq_scans(node: dict[str, Any]) -> set[str]:
    own = {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set()
    return own.union(*(_seq_scans(inner) for inner in node.get("Plans", ())))
