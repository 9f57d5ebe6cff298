"""Imports of contacts over the API: what real files hold, and what becomes of each."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose contacts nobody else counts."""
    return new_client(running)


@pytest.fixture
def list_id(tenant: Client) -> str:
    """A new list."""
    return str(tenant.post("/api/lists", {"name": "Newsletter"}).json()["id"])


def upload(client: Client, list_id: str, file: bytes, field: str = "file", **form: Any) -> requests.Response:
    """POST of a file as curl -F does it."""
    options = {"headers": form.pop("headers")} if "headers" in form else {}
    files = {field: ("contacts.csv", file, "text/csv")}
    return client.request("POST", f"/api/lists/{list_id}/import", files=files, data=form, **options)


def members(client: Client, list_id: str) -> list[dict[str, Any]]:
    """Who is on a list, in the order of the file."""
    page = client.get(f"/api/lists/{list_id}/contacts", params={"limit": 100}).json()["data"]
    return list(reversed(page))


def counts(told: dict[str, Any]) -> dict[str, int]:
    """Those of its counts that are not zero."""
    names = ("rows", "added", "updated", "skipped", "rejected", "suppressed")
    return {name: told[name] for name in names if told[name]}


def rejected(client: Client, told: dict[str, Any]) -> list[dict[str, str]]:
    """The rows that were left out."""
    response = client.get(f"/api/imports/{told['id']}/rejected")
    assert response.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


#: name → (file with a mark where N@ stands, who is on the list then: (first name, last name, metadata), and
#: what was left out: {line: how the reason begins})
NOTHING: dict[str, str] = {}
CASES: dict[str, tuple[bytes, dict[str, Any], dict[int, str]]] = {
    "as documented": (
        b"email,first_name,last_name\njohnN@example.com,John,Doe\n",
        {"johnN": ("John", "Doe", NOTHING)},
        {},
    ),
    "another order and case, CRLF, no end of line": (
        b"LAST_NAME,Email,First Name\r\nDoe,johnN@example.com,John",
        {"johnN": ("John", "Doe", NOTHING)},
        {},
    ),
    "UTF-8 with byte order mark": (
        "\ufeffemail,first_name\nzoeN@example.com,Zoë\n".encode(),
        {"zoeN": ("Zoë", None, NOTHING)},
        {},
    ),
    "UTF-16 of Excel, tabs": (
        "email\tfirst_name\r\nzoeN@example.com\tZoë\r\n".encode("utf-16"),
        {"zoeN": ("Zoë", None, NOTHING)},
        {},
    ),
    "UTF-16, big end first": (
        b"\xfe\xff" + "email;city\nzoeN@example.com;Łódź\n".encode("utf-16-be"),
        {"zoeN": (None, None, {"city": "Łódź"})},
        {},
    ),
    "UTF-16 without byte order mark": (
        "email,first_name\nzoeN@example.com,Zoë\n".encode("utf-16-le"),
        {"zoeN": ("Zoë", None, NOTHING)},
        {},
    ),
    "Windows-1252 with semicolons": (
        "E-Mail;Vorname;Nachname;Preis\r\nmaxN@example.com;Jürgen;Müßig;5 €\r\n".encode("cp1252"),
        {"maxN": ("Jürgen", "Müßig", {"preis": "5 €"})},
        {},
    ),
    "lines that end in CR": (
        b"email,first_name\rjohnN@example.com,John\radaN@example.com,Ada\r",
        {"johnN": ("John", None, NOTHING), "adaN": ("Ada", None, NOTHING)},
        {},
    ),
    "Excel's sep= line": (
        b"sep=;\r\nemail;first_name\r\njohnN@example.com;John\r\n",
        {"johnN": ("John", None, NOTHING)},
        {},
    ),
    "pipes": (
        b"email|plan\njohnN@example.com|pro, or so\n",
        {"johnN": (None, None, {"plan": "pro, or so"})},
        {},
    ),
    "a Mailchimp export": (
        b'"Email Address","First Name","Last Name","Phone","TAGS"\n'
        b'johnN@example.com,John,Doe,"+44 20 7946 0000","""VIP"",""Old"""\n',
        {"johnN": ("John", "Doe", {"phone": "+44 20 7946 0000", "tags": '"VIP","Old"'})},
        {},
    ),
    "a Google export": (
        b"Given Name,Family Name,Labels,E-mail 1 - Label,E-mail 1 - Value\n"
        b"John,Doe,* myContacts,Work,johnN@example.com\n",
        {"johnN": ("John", "Doe", {"labels": "* myContacts", "e_mail_1_label": "Work"})},
        {},
    ),
    "quoted separators, quotes and line breaks": (
        b'email,first_name,note\njohnN@example.com,"John ""J"", Jr.","two\r\nlines, really"\n'
        b"adaN@example.com,Ada,\n",
        {
            "johnN": ('John "J", Jr.', None, {"note": "two\r\nlines, really"}),
            "adaN": ("Ada", None, NOTHING),
        },
        {},
    ),
    "ragged rows": (
        b"email,first_name,last_name\njohnN@example.com\nadaN@example.com,Ada,Lovelace,surplus,,\n",
        {"johnN": (None, None, NOTHING), "adaN": ("Ada", "Lovelace", NOTHING)},
        {},
    ),
    "blank lines and rows of empty cells": (
        b"\n\n,,\nemail,first_name\n\n  \n,\njohnN@example.com,John\n,,,\n\n",
        {"johnN": ("John", None, NOTHING)},
        {},
    ),
    "spaces around everything": (
        b" email , first_name \n  johnN@example.com ,  John  \n",
        {"johnN": ("John", None, NOTHING)},
        {},
    ),
    "the same person twice, in another spelling": (
        b"email,first_name,plan\njohnN@example.com,John,\nJOHNN@EXAMPLE.COM,,pro\n",
        {"johnN": ("John", None, {"plan": "pro"})},
        {},
    ),
    "addresses that are none": (
        b"email,first_name\njohnN@,John\nplain,X\nadaN@example.com,Ada\n"
        b"a b@example.com,X\na@b@example.com,X\n",
        {"adaN": ("Ada", None, NOTHING)},
        {2: "", 3: "An email", 5: "", 6: ""},
    ),
    "an address with a display name": (
        b'email\n"Doe, John" <johnN@example.com>\nJohn <adaN@example.com>\n',
        {"adaN": (None, None, NOTHING)},
        {2: ""},
    ),
    "an international address": (
        "email\njürgenN@exämple.com\n".encode(),
        {"jürgenN": (None, None, NOTHING)},
        {},
    ),
    "NULs": (
        b"email,first_name\njohnN@example.com,Jo\x00hn\nadaN@example.com,Ada\n",
        {"adaN": ("Ada", None, NOTHING)},
        {2: "Holds a NUL"},
    ),
    "a quote that never ends": (
        b'email,first_name\njohnN@example.com,"John\nadaN@example.com,Ada\nbobN@example.com,Bob\n',
        {"adaN": ("Ada", None, NOTHING), "bobN": ("Bob", None, NOTHING)},
        {2: "Holds a quote"},
    ),
    "a stray quote inside a cell": (
        b'email,first_name\njohnN@example.com,John "Johnny" Doe\nadaN@example.com,Ada\n',
        {"johnN": ('John "Johnny" Doe', None, NOTHING), "adaN": ("Ada", None, NOTHING)},
        {},
    ),
    "a huge cell": (
        b"email,note\njohnN@example.com," + b"x" * 200_000 + b"\nadaN@example.com,ok\n",
        {"adaN": (None, None, {"note": "ok"})},
        {2: "Can't be read"},
    ),
    "more metadata than a contact holds": (
        b"email,note\njohnN@example.com," + b"x" * 70_000 + b"\nadaN@example.com,ok\n",
        {"adaN": (None, None, {"note": "ok"})},
        {2: "Holds more than"},
    ),
    "a name too long, and one with a line break": (
        b"email,first_name\njohnN@example.com,"
        + b"x" * 256
        + b'\nbobN@example.com,"B\nob"\nadaN@example.com,Ada\n',
        {"adaN": ("Ada", None, NOTHING)},
        {2: "A name has", 3: "A name holds"},
    ),
    "columns of one name": (
        b"email,email,city,City,\njohnN@example.com,work@example.com,Rome,Milan,x\n",
        {"johnN": (None, None, {"email_2": "work@example.com", "city": "Rome", "city_2": "Milan"})},
        {},
    ),
    "what we exported, with formulas closed": (
        b"email,first_name,note\njohnN@example.com,'=John,'+1\n",
        {"johnN": ("=John", None, {"note": "+1"})},
        {},
    ),
    "backslashes and tabs in cells": (
        b'email,path,note\njohnN@example.com,C:\\new\\table,"a\tb\\N"\n',
        {"johnN": (None, None, {"path": "C:\\new\\table", "note": "a\tb\\N"})},
        {},
    ),
    "headers beyond ASCII": (
        "email,Größe (cm),都市\njohnN@example.com,180,東京\n".encode(),
        {"johnN": (None, None, {"größe_cm": "180", "都市": "東京"})},
        {},
    ),
    "a row with a lone CR": (
        b"email,first_name\r\njohnN@example.com,Jo\rhn\r\nadaN@example.com,Ada\r\n",
        {"adaN": ("Ada", None, NOTHING)},
        {2: "Can't be read"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_real_file_is_understood(tenant: Client, list_id: str, name: str) -> None:
    file, expected, rejects = CASES[name]
    mark = uuid.uuid4().hex[:8]
    wide = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le", b"e\x00": "utf-16-le"}
    encoding = wide.get(file[:2], "utf-8")
    unmarked, marked = "N@".encode(encoding), f"{mark}@".encode(encoding)
    response = upload(tenant, list_id, file.replace(unmarked, marked))
    assert response.status_code == 200, response.text
    told = response.json()
    found = {
        item["email"].partition("@")[0]: (item["first_name"], item["last_name"], item["metadata"])
        for item in members(tenant, list_id)
    }
    assert found == {who.removesuffix("N") + mark: known for who, known in expected.items()}
    left_out = rejected(tenant, told)
    assert [int(row["line"]) for row in left_out] == list(rejects)
    for row in left_out:
        assert row["reason"].startswith(rejects[int(row["line"])])
    assert told["rows"] == told["added"] + told["updated"] + told["skipped"] + told["rejected"]
    assert (told["status"], told["added"], told["rejected"]) == ("completed", len(expected), len(rejects))


@pytest.mark.parametrize(
    ("file", "pointer", "says"),
    [
        (b"", "/file", "empty"),
        (b" \r\n\n", "/file", "empty"),
        (b"\xef\xbb\xbf", "/file", "empty"),
        (b"name,city\nJohn,Rome\n", "/file", "called email"),
        (b"john@example.com,John\n", "/file", "must be a header"),
        (b"email,first_name\n", "/file", "nothing else"),
        (b"sep=,\n\nemail,first_name\n,,\n\n", "/file", "nothing else"),
        (b"PK\x03\x04\x14\x00\x06\x00", "/file", "workbook"),
        (b"%PDF-1.7\n", "/file", "PDF"),
        (b'{"email": "a@example.com"}', "/file", "JSON"),
        (b"<html><body>email</body></html>", "/file", "HTML"),
        (b"email,\x00\x01\x02\nx", "/file", "not CSV"),
    ],
)
def test_what_is_no_csv_of_contacts_is_refused_at_once(
    tenant: Client, list_id: str, file: bytes, pointer: str, says: str
) -> None:
    refused = upload(tenant, list_id, file)
    assert refused.status_code == 422, refused.text
    (error,) = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"mode": "replace"}, "/mode"),
        ({"tag_ids": "x"}, "/tag_ids"),
        ({"tag_ids": str(uuid.UUID(int=1))}, "/tag_ids"),
        ({"mapping": "{"}, "/mapping"),
        ({"mapping": "[]"}, "/mapping"),
        ({"mapping": '{"email": 5}'}, "/mapping/email"),
        ({"mapping": '{"email": "phone"}'}, "/mapping/email"),
        ({"mapping": '{"mail": "email"}'}, "/mapping/mail"),
        ({"mapping": '{"email": null}'}, "/file"),
        ({"mapping": '{"email": "email", "other": "email"}'}, "/mapping"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_form_at_fault_is_refused(tenant: Client, list_id: str, form: dict[str, str], pointer: str) -> None:
    refused = upload(tenant, list_id, b"email,other\njohn@example.com,x\n", **form)
    assert refused.status_code == 422, refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


def test_any_field_name_will_do_and_so_will_the_file_itself(tenant: Client, list_id: str) -> None:
    file = f"email\n{uuid.uuid4().hex}@example.com\n".encode()
    assert upload(tenant, list_id, file, field="contacts").json()["added"] == 1
    path, headers = f"/api/lists/{list_id}/import", {"Content-Type": "text/csv"}
    assert tenant.request("POST", path, data=file, headers=headers).json()["skipped"] == 1
    assert tenant.post(path, {}).status_code == 415
    assert tenant.request("POST", path, files={}, data={}).status_code in {415, 422}


def test_modes_say_what_becomes_of_who_is_known_and_who_is_not(tenant: Client, list_id: str) -> None:
    known, new = (f"{uuid.uuid4().hex}@example.com" for _ in range(2))
    tenant.post("/api/contacts", {"email": known, "first_name": "Old", "metadata": {"plan": "free", "n": 1}})
    file = f"email,first_name,plan\n{known},New,pro\n{new},Ada,\n".encode()
    assert counts(upload(tenant, list_id, file, mode="update").json()) == {
        "rows": 2,
        "updated": 1,
        "skipped": 1,
    }
    (only,) = members(tenant, list_id)
    assert (only["first_name"], only["metadata"]) == ("New", {"plan": "pro", "n": 1})
    again = file.replace(b"New", b"Newer")
    assert counts(upload(tenant, list_id, again, mode="add").json()) == {"rows": 2, "added": 1, "skipped": 1}
    assert [item["first_name"] for item in members(tenant, list_id)] == ["New", "Ada"]
    assert counts(upload(tenant, list_id, again).json()) == {"rows": 2, "updated": 1, "skipped": 1}
    assert counts(upload(tenant, list_id, again).json()) == {"rows": 2, "skipped": 2}


def test_tags_are_set_and_columns_mean_what_the_mapping_says(tenant: Client, list_id: str) -> None:
    ids = [tenant.post("/api/tags", {"name": uuid.uuid4().hex}).json()["id"] for _ in range(2)]
    mark = uuid.uuid4().hex
    file = f"Kunde,Kontakt,Stadt,Notiz\nAda,{mark}@example.com,Rom,x\n".encode()
    mapping = {"kontakt": "email", "Kunde": "first_name", "Stadt": "metadata.city", "Notiz": None}
    told = upload(tenant, list_id, file, tag_ids=",".join(ids), mapping=json.dumps(mapping)).json()
    assert counts(told) == {"rows": 1, "added": 1}
    (member,) = members(tenant, list_id)
    assert (member["first_name"], member["metadata"]) == ("Ada", {"city": "Rom"})
    contact = tenant.get(f"/api/contacts/{member['id']}").json()
    assert {tag["id"] for tag in contact["tags"]} == set(ids)


def test_nobody_is_resubscribed_by_a_file(tenant: Client, list_id: str) -> None:
    gone, suppressed, double = (f"{uuid.uuid4().hex}@example.com" for _ in range(3))
    tenant.post(f"/api/lists/{list_id}/contacts", {"email": gone})
    tenant.post(f"/api/lists/{list_id}/contacts/unsubscribe", {"emails": [gone]})
    tenant.post("/api/suppressions", {"email": suppressed})
    file = f"email,n\n{gone},1\n{suppressed},1\n".encode()
    told = upload(tenant, list_id, file).json()
    assert counts(told) == {"rows": 2, "added": 1, "updated": 1, "suppressed": 1}
    assert [(item["email"], item["status"]) for item in members(tenant, list_id)] == [(gone, "unsubscribed")]
    at = tenant.post("/api/lists", {"name": "x", "opt_in": "double"}).json()["id"]
    upload(tenant, at, f"email\n{double}\n".encode())
    assert [item["status"] for item in members(tenant, at)] == ["unconfirmed"]
    at = tenant.post("/api/lists", {"name": "x", "opt_in": "double"}).json()["id"]
    upload(tenant, at, f"email\n{double}\n".encode(), confirmed="true")
    assert [item["status"] for item in members(tenant, at)] == ["subscribed"]


def rows_of(number: int) -> bytes:
    """A file with so many people."""
    mark = uuid.uuid4().hex[:8]
    return b"email,first_name\n" + b"".join(
        b"p%d.%s@example.com,P\n" % (n, mark.encode()) for n in range(number)
    )


def events(response: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """(event, data) of a stream."""
    name = ""
    for line in response.iter_lines(decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_large_file_is_loaded_by_a_worker_and_followed_live(
    tenant: Client, list_id: str, database: Database
) -> None:
    response = upload(tenant, list_id, rows_of(3000))
    assert response.status_code == 202
    told = response.json()
    assert told["status"] in {"queued", "running"}
    with tenant.get(f"/api/imports/{told['id']}/stream", stream=True) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        seen = list(events(stream))
    name, last = seen[-1]
    assert name == "end"
    assert {item for item, _ in seen[:-1]} <= {"progress"}
    assert (last["status"], last["percent"], counts(last)) == (
        "completed",
        100,
        {"rows": 3000, "added": 3000},
    )
    assert tenant.get(f"/api/imports/{told['id']}").json() == last
    assert last in tenant.get("/api/imports").json()["data"]
    assert tenant.get(f"/api/lists/{list_id}").json()["contacts"]["subscribed"] == 3000
    assert database.all("SELECT 1 FROM import_chunks WHERE import_id = :id", id=told["id"]) == []
    ended = tenant.post(f"/api/imports/{told['id']}/cancel", None)
    assert (ended.status_code, ended.json()["code"]) == (409, "import_ended")


def test_an_import_is_cancelled_before_its_next_step(
    tenant: Client, list_id: str, database: Database
) -> None:
    told = upload(tenant, list_id, rows_of(1)).json()
    path = f"/api/imports/{told['id']}"
    # a worker's that is at it still
    database.all(
        "UPDATE imports SET status = 'running', finished_at = NULL, due_at = now() + interval '1 hour'"
        " WHERE id = :id RETURNING 1",
        id=told["id"],
    )
    cancelled = tenant.post(f"{path}/cancel", None).json()
    assert (cancelled["status"], counts(cancelled)) == ("cancelled", counts(told))
    with tenant.get(f"{path}/stream", stream=True) as stream:
        assert [(name, data["status"]) for name, data in events(stream)] == [("end", "cancelled")]


def test_a_key_makes_an_import_happen_once(tenant: Client, list_id: str) -> None:
    file, headers = rows_of(3), {"Idempotency-Key": uuid.uuid4().hex}
    first = upload(tenant, list_id, file, headers=headers)
    again = upload(tenant, list_id, file, headers=headers)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.status_code == again.status_code == 200
    other = upload(tenant, list_id, file, mode="add", headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_formulas_in_rejected_rows_are_closed(tenant: Client, list_id: str) -> None:
    told = upload(tenant, list_id, b'email,first_name\n"=HYPERLINK(1)",x\n').json()
    (row,) = rejected(tenant, told)
    assert row["row"].startswith("'=HYPERLINK")


def test_an_import_without_a_worker_is_taken_up_by_the_sweep(
    tenant: Client, list_id: str, database: Database
) -> None:
    told = upload(tenant, list_id, rows_of(1)).json()
    database.all(
        "UPDATE imports SET status = 'running', finished_at = NULL, due_at = now() - interval '1 hour'"
        " WHERE id = :id RETURNING 1",
        id=told["id"],
    )
    path = f"/api/imports/{told['id']}"
    wait_for(lambda: tenant.get(path).json()["status"] == "completed", "the import to be taken up")
