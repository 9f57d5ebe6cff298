"""The door for returned mail: what comes back changes the email it is about; nothing else gets in."""

from __future__ import annotations

import smtplib
import uuid
from typing import Any
from uuid import UUID

import pytest

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST, free_port
from shared.verp import ReturnPaths
from tests.fixtures.api import Client
from tests.fixtures.own_worker import own_worker
from tests.fixtures.waiting import wait_for
from tests.unit.webhooks.test_returned import feedback, report


@pytest.fixture
def door(running: Cluster) -> Any:
    with smtplib.SMTP(HOST, running.layout.ports.intake, timeout=30) as client:
        yield client


def return_path(cluster: Cluster, email: dict[str, Any], *positions: int) -> str:
    keys = ReturnPaths([cluster.layout.secret("master-key")])
    return keys.address("sender.test", UUID(email["id"]), positions)


def sent(client: Client, *to: str) -> dict[str, Any]:
    email = client.send(to=list(to))
    client.wait_for_status(email["id"], "sent")
    return email


def somebody() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def test_bounce_at_the_return_path_is_about_whom_its_token_says(
    running: Cluster, api: Client, door: smtplib.SMTP
) -> None:
    to = somebody()
    email = sent(api, to)
    for _ in range(2):  # the second time it says nothing new
        door.sendmail("", [return_path(running, email, 0)], report())
    shown = api.wait_for_status(email["id"], "bounced")
    assert shown["recipients"][0]["bounce_reason"] == "unknown_user"
    (told,) = [item for item in shown["events"] if item["type"] == "email.bounced"]
    assert (told["source"], told["recipient"]) == ("bounce", to)
    assert api.get(f"/api/suppressions/{to}").json()["reason"] == "hard_bounce"


def test_bounce_with_octets_that_no_text_has_is_read_all_the_same(
    running: Cluster, api: Client, door: smtplib.SMTP
) -> None:
    email = sent(api, somebody())
    raw = report().replace(b"smtp; ", b"smtp; \0\xe9")
    assert b"\0" in raw
    door.sendmail("", [return_path(running, email, 0)], raw)
    api.wait_for_status(email["id"], "bounced")


def test_token_for_several_recipients_leaves_it_to_the_report(
    running: Cluster, api: Client, door: smtplib.SMTP
) -> None:
    first, second = somebody(), somebody()
    email = sent(api, first, second)
    door.sendmail(
        "", [return_path(running, email, 0, 1)], report(Original_Recipient=f"rfc822;{second.upper()}")
    )

    def statuses() -> dict[str, str]:
        return {item["address"]: item["status"] for item in api.email(email["id"])["recipients"]}

    wait_for(lambda: statuses()[second] == "bounced", "the bounce")
    assert statuses()[first] == "sent"


def test_complaint_is_matched_by_the_message_that_came_with_it(api: Client, door: smtplib.SMTP) -> None:
    to = somebody()
    email = sent(api, to)
    raw = feedback().replace(b"<one@sender.test>", email["message_id"].encode())
    door.sendmail("fbl@example.org", ["feedback@install.test"], raw.replace(b"ada@example.net", to.encode()))
    shown = api.wait_for_status(email["id"], "complained")
    (told,) = [item for item in shown["events"] if item["type"] == "email.complained"]
    assert (told["source"], told["data"]["feedback_type"]) == ("feedback", "abuse")
    assert api.get(f"/api/suppressions/{to}").json()["reason"] == "complaint"


@pytest.mark.parametrize(
    "address", ["ada@sender.test", "bounces+made-up@bounces.sender.test", "bounces@bounces.sender.test"]
)
def test_nobody_else_gets_mail_here(door: smtplib.SMTP, address: str) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        door.sendmail("", [address], report())
    assert refused.value.recipients[address][0] == 550


def test_token_of_another_install_is_refused(api: Client, door: smtplib.SMTP) -> None:
    forged = ReturnPaths(["another key"]).address("sender.test", UUID(sent(api, somebody())["id"]), [0])
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        door.sendmail("", [forged], report())


def test_over_lmtp_each_recipient_has_an_answer(running: Cluster, api: Client) -> None:
    first, second = somebody(), somebody()
    emails = [sent(api, first), sent(api, second)]
    port = free_port()
    command = ("python", "-m", "services.webhooks.intake")
    settings = {"MAILMATIC_INTAKE_PROTOCOL": "lmtp", "MAILMATIC_INTAKE_PORT": str(port)}
    with (
        own_worker(running, "own-intake", command, **settings),
        smtplib.LMTP(HOST, port, timeout=30) as client,
    ):
        client.ehlo_or_helo_if_needed()  # LHLO, in this class
        client.mail("")
        for email in emails:
            assert client.rcpt(return_path(running, email, 0))[0] == 250
        assert client.rcpt("ada@sender.test")[0] == 550
        assert client.data(report())[0] == 250
        assert client.getreply()[0] == 250, "the second recipient's"
        assert client.noop()[0] == 250, "and none for who was refused"
    for email in emails:
        api.wait_for_status(email["id"], "bounced")
