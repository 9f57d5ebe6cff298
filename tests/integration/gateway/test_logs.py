"""The log and its reports: filters, search, pages, files; and why an email waits."""

from __future__ import annotations

import csv
import io
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from services.gateway.app import create_app
from shared.clock import now
from shared.db import engine
from shared.ids import id_time
from shared.mail_log import search as log_search
from shared.mail_log.filter import LogFilter
from shared.mail_log.search import COUNTED, Part, find, walk
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.mail_log import write_log
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

_PLAIN = 7


@dataclass(frozen=True)
class Mail:
    """A tenant's mail, by what it is there for."""

    api: Client
    account_id: uuid.UUID
    ids: dict[str, str]

    def found(self, **query: Any) -> list[str]:
        """The ids that the log finds, newest first; reports find the same."""
        answer = self.api.get("/api/logs", params=query)
        assert answer.status_code == 200, answer.text
        ids = [item["id"] for item in answer.json()["logs"]]
        reported = self.api.get("/api/reports", params=query).json()["data"]
        assert list(dict.fromkeys(row["email_id"] for row in reported)) == ids
        return ids


@pytest.fixture(scope="module")
def mail(running: Cluster, database: Database) -> Mail:
    """Some of every kind, in the order in which they were accepted."""
    api = new_client(running)
    ids = {f"plain-{number}": api.send()["id"] for number in range(_PLAIN)}
    ids["tagged"] = api.send(tags=["welcome", "=cmd()"])["id"]
    ids["formula"] = api.send(subject='=HYPERLINK("http://x.test")', cc=["Bo@Mixed.example.com"])["id"]
    ids["percent"] = api.send(subject="100% _off_ \\ today")["id"]
    ids["refused"] = api.send(to="refused@log-a.example.com")["id"]
    later = (now() + timedelta(hours=1)).isoformat()
    ids["scheduled"] = api.send(send_at=later)["id"]
    api.wait_for_status(ids["refused"], "bounced")
    for id in ids.values():
        api.wait_for_status(id, "sent", "bounced", "scheduled")
    ((account_id,),) = database.all("SELECT account_id FROM domains WHERE name = :name", name=api.domain)
    return Mail(api, account_id, ids)


@pytest.fixture
def gateway(in_process: None) -> FlaskClient:
    """The gateway's application in this process."""
    return create_app().test_client()


def test_every_filter_finds_what_it_says(mail: Mail) -> None:
    ids = mail.ids
    assert mail.found(limit=100) == list(reversed(ids.values()))
    assert mail.found(status="bounced") == [ids["refused"]]
    assert mail.found(event="bounced") == [ids["refused"]]
    assert mail.found(status="scheduled", event="scheduled") == [ids["scheduled"]]
    assert mail.found(tag="welcome") == [ids["tagged"]]
    assert mail.found(tag="welcome", status="bounced") == []
    assert len(mail.found(domain=mail.api.domain.upper())) == len(ids)
    assert mail.found(domain="example.com") == []
    assert mail.found(campaign_id=str(uuid.uuid4())) == []
    assert mail.found(event="opened") == []
    assert mail.found(**{"from": (now() + timedelta(minutes=5)).isoformat()}) == []
    assert mail.found(to=(now() - timedelta(days=1)).date().isoformat()) == []
    assert len(mail.found(**{"from": (now() - timedelta(days=1)).date().isoformat()})) == len(ids)


def test_a_search_finds_recipients_subjects_and_message_ids(mail: Mail) -> None:
    ids, one = mail.ids, mail.ids["plain-3"]
    message_id = mail.api.email(one)["message_id"]
    assert mail.found(search="bo@mixed.EXAMPLE") == [ids["formula"]]
    assert mail.found(search="hyperlink(") == [ids["formula"]]
    assert mail.found(search=message_id) == [one]
    assert mail.found(search=one.upper()) == [one]
    assert mail.found(search=message_id[5:20]) == [one]
    for literal in ("100% _", "_off_", "\\ t"):
        assert mail.found(search=literal) == [ids["percent"]]
    assert mail.found(search="%%%") == []
    assert len(mail.found(search="example.com")) == len(ids)
    assert mail.found(search="example.com", status="bounced") == [ids["refused"]]
    assert mail.found(search="refused@log-a") == [ids["refused"]]


@pytest.mark.parametrize("search", [None, "example.com"])
def test_pages_by_number_and_by_cursor_show_each_email_once(mail: Mail, search: str | None) -> None:
    everything = list(reversed(mail.ids.values()))
    asked = {"limit": 5, **({"search": search} if search else {})}
    numbered: list[str] = []
    for number in (1, 2, 3):
        answer = mail.api.get("/api/logs", params={**asked, "page": number}).json()
        numbered += [item["id"] for item in answer["logs"]]
        assert (answer["pagination"]["total"], answer["pagination"]["pages"]) == (len(everything), 3)
        assert answer["pagination"]["exact"] is True
    assert numbered == everything
    walked, after = [], None
    while True:
        answer = mail.api.get("/api/logs", params={**asked, **({"after": after} if after else {})}).json()
        walked += [item["id"] for item in answer["logs"]]
        after = answer["pagination"]["next"]
        if after is None:
            break
    assert walked == everything


def test_a_count_is_bounded_and_says_so(mail: Mail, database: Database) -> None:
    with database.connect() as tx:  # rolled back
        write_log(tx, mail.api.domain, COUNTED + 200)
        found = find(tx, mail.account_id, LogFilter(), Part(5))
        assert (found.total, found.exact, found.looked_since) == (COUNTED, False, None)
        found = find(tx, mail.account_id, LogFilter(search="many of a kind"), Part(5))
        assert (found.total, found.exact) == (COUNTED, False)
        deep = find(tx, mail.account_id, LogFilter(), Part(5, offset=10_205))
        assert deep.ids == [uuid.UUID(id) for id in list(reversed(mail.ids.values()))[5:10]]


def test_what_no_index_has_is_found_by_and_by_and_the_rest_at_once(
    mail: Mail, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "LOOKED", 3)
    with database.connect() as tx:

        def pages(which: LogFilter) -> list[list[str]]:
            told, after = [], None
            while True:
                found = find(tx, mail.account_id, which, Part(2, after))
                told.append([str(id) for id in found.ids])
                after = found.next
                if after is None:
                    return told

        assert pages(LogFilter(tag="welcome")) == [[], [mail.ids["tagged"]], [], []]
        assert pages(LogFilter(event="bounced")) == [[mail.ids["refused"]]]
        assert pages(LogFilter(search="bo@mixed")) == [[mail.ids["formula"]]]
        assert pages(LogFilter(search=mail.ids["plain-0"])) == [[mail.ids["plain-0"]]]
        assert pages(LogFilter(search="hyperlink(")) == [[]]
        found = find(tx, mail.account_id, LogFilter(search="100%"), Part(2))
        assert (found.total, found.exact) == (1, False)
        assert found.looked_since == id_time(uuid.UUID(mail.ids["percent"]))
        walked, after = [], None
        while True:
            ids, after = walk(tx, mail.account_id, LogFilter(search="hello"), after, 2)
            walked += [str(id) for id in ids]
            if after is None:
                break
        assert walked == [mail.ids[name] for name in ("scheduled", "refused", "tagged", *_newest_plain())]


def _newest_plain() -> list[str]:
    return [f"plain-{number}" for number in reversed(range(_PLAIN))]


def test_csv_has_every_recipient_and_no_formulas(mail: Mail) -> None:
    answer = mail.api.get("/api/reports", params={"export": "csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == len(mail.ids) + 1
    of_formula = [row for row in rows if row["email_id"] == mail.ids["formula"]]
    assert [row["kind"] for row in of_formula] == ["to", "cc"]
    assert {row["subject"] for row in of_formula} == {'\'=HYPERLINK("http://x.test")'}
    assert of_formula[1]["to"] == "Bo@mixed.example.com"
    (bounced,) = csv.DictReader(
        io.StringIO(mail.api.get("/api/reports?export=csv&status=bounced").text, newline="")
    )
    assert (bounced["smtp_code"], bounced["status"]) == ("550", "bounced")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]


def test_json_lines_are_the_rows_of_the_json_report(mail: Mail) -> None:
    lines = mail.api.get("/api/reports", params={"export": "jsonl"}).text.splitlines()
    report = mail.api.get("/api/reports").json()
    assert [json.loads(line) for line in lines] == report["data"]
    assert (report["emails"], report["exact"], report["next"]) == (len(mail.ids), True, None)
    assert [row["tags"] for row in report["data"] if row["tags"]] == [["welcome", "=cmd()"]]


def test_a_file_is_read_as_it_is_written_and_not_at_all_for_a_client_that_went_away(
    mail: Mail, database: Database, gateway: FlaskClient
) -> None:
    with database.engine.begin() as tx:
        write_log(tx, mail.api.domain, 9_000)
    try:
        asked = {"export": "csv", "domain": "log.test"}
        read: list[str] = []
        event.listen(engine(), "before_cursor_execute", lambda *args: read.append(args[2]))
        response = gateway.get(
            "/api/reports",
            query_string=asked,
            headers={"Authorization": f"Bearer {mail.api.key}"},
            buffered=False,
        )
        chunks = response.iter_encoded()
        assert next(chunks).startswith(b"email_id,")
        assert next(chunks).count(b"\r\n") == 200
        so_far = len(read)
        assert sum("smtp_reply" in statement for statement in read) == 1
        response.close()
        assert list(chunks) == []
        assert len(read) == so_far
        whole = mail.api.get("/api/reports", params=asked)
        assert whole.text.count("\r\n") == 9_001
        assert whole.headers["Transfer-Encoding"] == "chunked"
    finally:
        database.run("DELETE FROM recipients WHERE address = 'many@log.test'")
        database.run("DELETE FROM emails WHERE from_address = 'x@log.test'")


def test_an_email_says_why_it_waits(mail: Mail, relay: Relay) -> None:
    shown = mail.api.email(mail.ids["scheduled"])
    assert shown["waiting"]["code"] == "scheduled"
    assert shown["waiting"]["until"] == shown["send_at"]
    assert mail.api.email(mail.ids["plain-0"])["waiting"] is None
    held = mail.api.send(to=f"deferred-twice@w{uuid.uuid4().hex[:8]}.example.com")["id"]
    seen = wait_for(lambda: (found := mail.api.email(held))["status"] == "deferred" and found, "a deferral")
    assert seen["waiting"]["code"] == "retry"
    assert "451 4.2.1 Try again later" in seen["waiting"]["detail"]
    whole = mail.api.wait_for_status(held, "sent")
    replies = [item["data"]["reply"] for item in whole["events"] if (item["data"] or {}).get("reply")]
    assert [reply[:3] for reply in replies] == ["451", "451", "250"]
    mail.ids["held"] = held


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2026-06-02&to=2026-06-01", "/from"),
        ("to=soon", "/to"),
        ("event=eaten", "/event"),
        ("tag=", "/tag"),
        ("campaign_id=1", "/campaign_id"),
        ("after=1", "/after"),
    ],
)
@pytest.mark.parametrize("path", ["/api/logs", "/api/reports"])
def test_what_cannot_be_asked_is_told_with_its_place(
    api: Client, path: str, query: str, pointer: str
) -> None:
    answer = api.get(f"{path}?{query}")
    assert answer.status_code == 422, answer.text
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
