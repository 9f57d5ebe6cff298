"""Reports as files that are written in the background: begun, followed, downloaded, deleted; gone in time."""

from __future__ import annotations

import csv
import io
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from services.campaigns import exports
from shared.ids import new_id
from shared.mail_log.filter import LogFilter
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import EXPORTS_KEPT, Cluster
from tests.fixtures.database import Database
from tests.fixtures.mail_log import write_log
from tests.fixtures.waiting import wait_for

_PATH = "/api/reports/exports"
EMAILS = 12_000


@pytest.fixture(scope="module")
def api(running: Cluster, database: Database) -> Iterator[Client]:
    """A tenant with a log of some length."""
    client = new_client(running)
    with database.engine.begin() as tx:
        account_id = write_log(tx, client.domain, EMAILS)
    yield client
    database.run("DELETE FROM recipients WHERE account_id = :id", id=account_id)
    database.run("DELETE FROM emails WHERE account_id = :id", id=account_id)


def begin(api: Client, **body: Any) -> str:
    answer = api.post(_PATH, body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def completed(api: Client, id: str) -> dict[str, Any]:
    def shown() -> Any:
        found = api.get(f"{_PATH}/{id}").json()
        return found if found["status"] == "completed" else None

    return dict(wait_for(shown, "the export", 60))


def test_an_export_is_the_streamed_report(api: Client) -> None:
    ids = {form: begin(api, format=form) for form in ("csv", "jsonl")}
    for form, id in ids.items():
        shown = completed(api, id)
        assert (shown["percent"], shown["rows"], shown["format"]) == (100, EMAILS, form)
        assert shown["expires_at"] > shown["finished_at"]
        file = api.get(f"{_PATH}/{id}/download")
        assert file.headers["Content-Disposition"] == f'attachment; filename="report.{form}"'
        assert len(file.content) == shown["size"]
        assert file.content == api.get("/api/reports", params={"export": form}).content
    assert [item["id"] for item in api.get(_PATH).json()["data"]] == list(reversed(ids.values()))


def test_filters_are_those_of_the_log_and_no_cell_is_a_formula(api: Client) -> None:
    sent = api.send(subject="=cmd()|' /C calc'!A0", tags=["once"])["id"]
    id = begin(api, tag="once", search="example.com", **{"from": "2020-01-01"})
    completed(api, id)
    (row,) = csv.DictReader(io.StringIO(api.get(f"{_PATH}/{id}/download").text, newline=""))
    assert (row["email_id"], row["subject"]) == (sent, "'=cmd()|' /C calc'!A0")


def test_a_deleted_export_is_gone_with_its_file(api: Client, database: Database) -> None:
    id = begin(api)
    completed(api, id)
    assert api.request("DELETE", f"{_PATH}/{id}").status_code == 204
    for path in (id, f"{id}/download"):
        assert api.get(f"{_PATH}/{path}").status_code == 404
    assert api.request("DELETE", f"{_PATH}/{id}").status_code == 404
    assert database.all("SELECT count(*) FROM export_chunks WHERE export_id = :id", id=id) == [(0,)]


def test_a_file_goes_when_its_time_is_over(api: Client, database: Database) -> None:
    id = begin(api)
    completed(api, id)
    database.run("UPDATE exports SET expires_at = now() WHERE id = :id", id=id)
    wait_for(lambda: api.get(f"{_PATH}/{id}").status_code == 404, "the file to go")


def test_a_worker_goes_on_where_another_stopped(
    api: Client, database: Database, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_STEP", 1_000)
    whole = api.get("/api/reports", params={"export": "csv", "domain": "log.test"}).text
    account_id = _account(database, api)
    id = new_id()
    database.run(
        "INSERT INTO exports (id, account_id, form, filter, cursor, oldest) "
        "VALUES (:id, :account, 'csv', '{\"domain\": \"log.test\"}', :last, now() - interval '1 hour')",
        id=id,
        account=account_id,
        last=uuid.UUID(int=(1 << 128) - 1),
    )
    stopped = threading.Event()
    stopped.set()
    seen = []
    while not seen or seen[-1] != "completed":
        # a step, and the claim is given back; what the cluster's own worker takes up meanwhile is its to do
        exports.work_on(id, stopped)
        ((status,),) = database.all("SELECT status FROM exports WHERE id = :id", id=id)
        seen.append(status)
    assert len(seen) > 1
    assert api.get(f"{_PATH}/{id}/download").text == whole


def test_an_account_has_so_many_and_an_unfinished_one_is_not_downloaded(
    running: Cluster, database: Database
) -> None:
    own = new_client(running)
    database.run(
        "INSERT INTO exports (id, account_id, form, filter, cursor, oldest, due_at) "
        "SELECT gen_random_uuid(), CAST(:account AS uuid), 'csv', '{}', CAST(:id AS uuid), now(), "
        "now() + interval '1 hour' "
        "FROM generate_series(1, :kept)",
        account=_account(database, own),
        kept=EXPORTS_KEPT,
        id=str(new_id()),
    )
    refused = own.post(_PATH, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_exports")
    id = own.get(_PATH).json()["data"][0]["id"]
    early = own.get(f"{_PATH}/{id}/download")
    assert (early.status_code, early.json()["code"]) == (409, "export_unfinished")
    assert own.request("DELETE", f"{_PATH}/{id}").status_code == 204
    assert own.post(_PATH, {}).status_code == 202


def test_a_filter_survives_being_stored() -> None:
    which = LogFilter("words", "sent", None, None, "example.com", "tag", uuid.UUID(int=7), "opened")
    assert LogFilter.of(which.stored()) == which
    assert LogFilter.of(LogFilter().stored()) == LogFilter()


def _account(database: Database, api: Client) -> str:
    ((account_id,),) = database.all("SELECT account_id FROM domains WHERE name = :name", name=api.domain)
    return str(account_id)
