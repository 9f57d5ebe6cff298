"""The API reference's `curl` lines, verbatim but for host, key, ids and the addresses it does not show."""

from __future__ import annotations

import json
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.dns_server import Dns, fresh, text
from tests.fixtures.relay import Relay
from tests.fixtures.tracking import without_pixel
from tests.fixtures.waiting import wait_for

#: What a web page made of every address of the reference.
HIDDEN = "[email protected]"

SEND = """curl -X POST https://app.mailmatic.cc/api/send \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{
    "from": "[email protected]",
    "to": "[email protected]",
    "subject": "Hello from Mailmatic",
    "html": "<h1>Welcome!</h1><p>This is a test email.</p>"
  }'"""

BATCH = """curl -X POST https://app.mailmatic.cc/api/send/batch \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{
    "emails": [
      {
        "to": "[email protected]",
        "subject": "Welcome",
        "html": "<p>Hi User 1</p>"
      },
      {
        "to": "[email protected]",
        "subject": "Welcome",
        "html": "<p>Hi User 2</p>"
      }
    ]
  }'"""

SCHEDULE = """curl -X POST https://app.mailmatic.cc/api/send \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{
    "from": "[email protected]",
    "to": "[email protected]",
    "subject": "Scheduled message",
    "html": "<p>This was scheduled!</p>",
    "send_at": "2026-06-01T09:00:00Z"
  }'"""

IDEMPOTENT = """curl -X POST https://app.mailmatic.cc/api/send \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Idempotency-Key: unique-request-id-12345" \\
  -H "Content-Type: application/json" \\
  -d '{
    "from": "[email protected]",
    "to": "[email protected]",
    "subject": "Important notification",
    "html": "<p>Only sent once!</p>"
  }'"""

VALIDATE = """curl -X POST https://app.mailmatic.cc/api/validate \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{"email": "[email protected]"}'"""

CREDENTIAL = """curl -X POST https://app.mailmatic.cc/api/credentials \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{"domain_id": "UUID", "username": "noreply", "display_name": "My App"}'"""

DOMAIN = """curl -X POST https://app.mailmatic.cc/api/domains \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -H "Content-Type: application/json" \\
  -d '{"domain": "example.com"}'"""

VERIFY = """curl -X POST https://app.mailmatic.cc/api/domains/DOMAIN_ID/verify \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

SCORE = """curl https://app.mailmatic.cc/api/domains/DOMAIN_ID/score \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

SUPPRESSIONS = """curl https://app.mailmatic.cc/api/suppressions \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

UNSUPPRESS = """curl -X DELETE https://app.mailmatic.cc/api/suppressions/[email protected] \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

LOGS = """curl "https://app.mailmatic.cc/api/logs?page=1&limit=50&search=example.com&status=sent" \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

STATS = """curl https://app.mailmatic.cc/api/stats \\
  -H "Authorization: Bearer mm_your_api_key_here\""""

REPORT = """curl "https://app.mailmatic.cc/api/reports?export=csv" \\
  -H "Authorization: Bearer mm_your_api_key_here" \\
  -o report.csv"""


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own, who follows the reference."""
    return new_client(running)


def somebody() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def run(api: Client, line: str, *addresses: str) -> bytes:
    """What a line answers, with the hidden addresses filled in one after the other."""
    filled = line.replace("https://app.mailmatic.cc", api.url).replace("mm_your_api_key_here", api.key)
    for address in addresses:
        filled = filled.replace(HIDDEN, address, 1)
    assert HIDDEN not in filled
    done = subprocess.run(["bash", "-c", filled], capture_output=True, check=True)
    return done.stdout


def answer(api: Client, line: str, *addresses: str) -> dict[str, Any]:
    """The same, parsed."""
    return dict(json.loads(run(api, line, *addresses)))


def test_send_answers_what_the_reference_says_and_the_email_arrives(api: Client, relay: Relay) -> None:
    to = somebody()
    told = answer(api, SEND, api.sender, to)
    assert told == {
        "id": told["id"],
        "message_id": f"<{told['id']}@{api.domain}>",
        "status": "sent",
        "message": "Email queued for delivery",
    }
    (received,) = wait_for(lambda: relay.received(told["message_id"]), "the email to arrive")
    assert received.recipients == [to]
    assert received.message["Subject"] == "Hello from Mailmatic"
    shown = without_pixel(received.message.get_content()).strip()
    assert shown == "<h1>Welcome!</h1><p>This is a test email.</p>"


def test_batch_answers_what_the_reference_says_and_the_emails_arrive(api: Client, relay: Relay) -> None:
    to = [somebody(), somebody()]
    results = answer(api, BATCH, *to)["results"]
    for number, (result, address) in enumerate(zip(results, to, strict=True), 1):
        assert set(result) == {"id", "message_id", "status"}
        assert result["status"] == "sent"
        (received,) = wait_for(lambda: relay.received(result["message_id"]), "the email to arrive")  # noqa: B023
        assert received.recipients == [address]
        assert received.message["From"] == api.sender
        assert f"Hi User {number}" in received.message.get_content()


def test_schedule_is_refused_once_its_date_has_passed(api: Client) -> None:
    told = answer(api, SCHEDULE, api.sender, somebody())
    assert told["code"] == "validation_error"
    assert told["errors"] == [{"pointer": "/send_at", "detail": "Must be in the future."}]


def test_schedule_answers_what_the_reference_says_when_its_date_is_to_come(api: Client) -> None:
    tomorrow = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)).isoformat()
    send_at = tomorrow.replace("+00:00", "Z")
    told = answer(api, SCHEDULE.replace("2026-06-01T09:00:00Z", send_at), api.sender, somebody())
    assert told == {
        "id": told["id"],
        "message_id": f"<{told['id']}@{api.domain}>",
        "status": "scheduled",
        "send_at": send_at,
    }


def test_email_is_sent_once_when_its_line_is_run_twice(api: Client, relay: Relay, database: Database) -> None:
    to = somebody()
    first, second = (run(api, IDEMPOTENT, api.sender, to) for _ in range(2))
    assert first == second
    message_id = json.loads(first)["message_id"]
    wait_for(lambda: relay.received(message_id), "the email to arrive")
    assert database.all("SELECT count(*) FROM recipients WHERE address = :to", to=to) == [(1,)]


def test_validate_tells_what_is_known_of_an_address(api: Client) -> None:
    told = answer(api, VALIDATE, "not an address")
    assert (told["valid"], told["checks"]["syntax"]) == (False, False)
    told = answer(api, VALIDATE, somebody())
    assert told["checks"]["syntax"] is True
    assert told["reason"]


def test_credential_comes_with_the_secrets_of_api_and_smtp(api: Client, database: Database) -> None:
    ((domain_id,),) = database.all("SELECT id FROM domains WHERE name = :name", name=api.domain)
    told = answer(api, CREDENTIAL.replace("UUID", str(domain_id)))
    assert told["api_key"].startswith("mm_")
    assert told["email"] == f"noreply@{api.domain}"
    assert told["smtp_username"]
    assert told["smtp_password"]


def test_domain_is_added_verified_and_scored_when_its_records_are_published(api: Client, dns: Dns) -> None:
    name = fresh()
    told = answer(api, DOMAIN.replace("example.com", name))
    assert (told["domain"], told["status"]) == (name, "pending")
    key = next(record for record in told["records"] if record["purpose"] == "dkim")
    dns.set(key["name"], "TXT", text(*key["values"]))
    verified = answer(api, VERIFY.replace("DOMAIN_ID", told["id"]))
    assert verified["status"] == "verified"
    scored = answer(api, SCORE.replace("DOMAIN_ID", told["id"]))
    assert scored["score"] == 40
    assert {check["name"] for check in scored["checks"]} == {"spf", "dkim", "dmarc", "mx"}


def test_suppressed_address_is_listed_and_removed(api: Client) -> None:
    address = somebody()
    api.post("/api/suppressions", {"email": address})
    assert address in {item["email"] for item in answer(api, SUPPRESSIONS)["data"]}
    run(api, UNSUPPRESS, address)
    assert address not in {item["email"] for item in answer(api, SUPPRESSIONS)["data"]}


def test_logs_show_what_was_searched_for(api: Client) -> None:
    sent = api.send(to=somebody())
    api.wait_for_status(sent["id"], "sent")
    told = answer(api, LOGS)
    assert sent["id"] in {item["id"] for item in told["logs"]}
    assert {item["status"] for item in told["logs"]} == {"sent"}
    assert (told["pagination"]["page"], told["pagination"]["limit"]) == (1, 50)


def test_stats_have_counted_what_was_sent(api: Client) -> None:
    sent = api.send(to=somebody())
    api.wait_for_status(sent["id"], "sent")
    before = answer(api, STATS)["totals"]["sent"]
    api.wait_for_status(api.send(to=somebody())["id"], "sent")
    wait_for(lambda: answer(api, STATS)["totals"]["sent"] > before, "the next email to be counted")


def test_report_is_a_file_of_everything(api: Client, tmp_path: Path) -> None:
    sent = api.send(to=somebody())
    file = tmp_path / "report.csv"
    assert run(api, REPORT.replace("report.csv", str(file))) == b""
    lines = file.read_text().splitlines()
    assert lines[0].startswith("email_id,message_id,created_at,from,to,")
    assert lines[1].startswith(f"{sent['id']},{sent['message_id']},")
