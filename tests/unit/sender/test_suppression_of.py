"""Which replies to RCPT cost an address its place, and which never do."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.sender.jobs import Attempt
from services.sender.journal import Journal, adopt
from services.sender.outcomes import Outcome, Reply, suppression_of
from shared import states
from shared.ids import new_id


@pytest.mark.parametrize(
    "text",
    ["5.1.1 no such user", "5.1.2 x", "5.1.3 x", "5.1.6 moved", "5.1.10 null MX", "5.2.1 disabled", "5.1.1"],
)
def test_reply_of_the_recipient_class_suppresses(text: str) -> None:
    assert suppression_of(Reply(550, text)) == "hard_bounce"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(550, "No such user"),
        Reply(550, "5.7.1 policy"),
        Reply(550, "5.7.26 unauthenticated"),
        Reply(552, "5.2.2 mailbox full"),
        Reply(550, "5.1.8 bad sender"),
        Reply(550, "5.1.11 x"),
        Reply(550, "5.1.1x"),
        Reply(550, "user unknown; see 5.1.1"),
        Reply(550, "4.1.1 later"),
        Reply(450, "5.1.1 contradicts its code"),
        Reply(250, "2.1.5 ok"),
    ],
    ids=str,
)
def test_any_other_reply_suppresses_nobody(reply: Reply) -> None:
    assert suppression_of(reply) is None


def test_suppression_survives_in_the_journal_of_a_killed_sender(tmp_path: Path) -> None:
    id = str(new_id())
    outcomes = [
        Outcome(0, states.BOUNCED, Reply(550, "5.1.1 x"), "hard_bounce"),
        Outcome(1, states.SUPPRESSED, None, "complaint"),
    ]
    journal = Journal(tmp_path)
    journal.begin([(id, 1)])
    journal.finished(Attempt(id, 1, "relay", outcomes))
    journal.abandon()
    (remains,) = adopt(tmp_path)
    assert remains.finished[id].outcomes == outcomes
