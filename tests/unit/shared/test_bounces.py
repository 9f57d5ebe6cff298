"""What refusals of the world's mail servers mean."""

from __future__ import annotations

import pytest

from shared.bounces import BLOCK, HARD, REASONS, SOFT, classify


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown", HARD, "unknown_user"),
        ("550 User not found", HARD, "unknown_user"),
        ("550-5.1.1 The email account that you tried to reach does not exist.", HARD, "unknown_user"),
        ("554 delivery error: dd This user doesn't have a yahoo.com account", HARD, "unknown_user"),
        ("550 5.1.10 Recipient has a null MX", HARD, "bad_domain"),
        ("Host or domain name not found. Name service error for name=example.net", HARD, "bad_domain"),
        ("550 5.2.1 The email account that you tried to reach is disabled.", HARD, "inactive_mailbox"),
        ("550 5.7.1 No such user c18si2365148hub", HARD, "unknown_user"),
        ("User ada (ada@example.com) not listed in Domino Directory", HARD, "unknown_user"),
        ("551 <ada@example.com> is a deactivated mailbox", HARD, "inactive_mailbox"),
        ("550 5.1.1 RCPT TO:<ada@example.com> max message size exceeded", BLOCK, "too_large"),
        ("550 5.7.0 The recipient mailbox has exceeded its disk space limit.", SOFT, "mailbox_full"),
        ("552 5.2.2 The recipient's inbox is out of storage space", SOFT, "mailbox_full"),
        ("452 4.2.2 Over quota", SOFT, "mailbox_full"),
        ("450 4.1.1 Recipient address rejected: unverified address", SOFT, "unknown_user"),
        ("451 4.7.1 Greylisting in action, please come back later", SOFT, "greylisted"),
        ("421 4.7.28 unusual rate of mail", SOFT, "rate_limited"),
        ("connect to mx.example.net[192.0.2.1]:25: Connection timed out", SOFT, "no_answer"),
        (
            "conversation with mx.example.net timed out while receiving the initial greeting",
            SOFT,
            "no_answer",
        ),
        ("550 5.7.1 Service unavailable; client host blocked using Spamhaus", BLOCK, "reputation"),
        (
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
            BLOCK,
            "authentication",
        ),
        ("550 5.7.515 Access denied, sending domain does not meet the level", BLOCK, "authentication"),
        ("550 5.7.1 Relaying denied", BLOCK, "relay_denied"),
        ("554 5.7.1 Message contains spam", BLOCK, "content"),
        ("550 5.7.1 policy", BLOCK, "policy"),
        ("552 5.3.4 Message size exceeds fixed limit", BLOCK, "too_large"),
        ("550 5.1.8 Sender address rejected: Domain not found", BLOCK, "sender_rejected"),
        ("550 5.1.1 Your IP is listed by our RBL", BLOCK, "reputation"),
        ("something nobody has ever said", SOFT, "other"),
        ("", SOFT, "other"),
    ],
)
def test_refusal_has_its_class_and_reason(text: str, kind: str, reason: str) -> None:
    found = classify(text)
    assert (found.kind, found.reason) == (kind, reason)


def test_name_that_does_not_exist_is_hard_and_one_that_does_not_answer_is_not() -> None:
    words = "Host or domain name not found. Name service error for name=nowhere.test type=A: Host not found"
    assert (classify(words, enhanced="5.4.4").kind, classify(words, enhanced="4.4.3").kind) == (HARD, SOFT)


def test_status_of_its_own_goes_before_what_the_text_says() -> None:
    assert classify("delivery failed", enhanced="5.1.1").kind == HARD
    assert classify("250 2.0.0 then 550 5.1.1 no").reason == "unknown_user"


def test_address_or_number_in_a_reply_is_no_status_code() -> None:
    assert classify("host 192.5.1.1 said: go away").reason == "other"


def test_each_reason_has_one_of_three_classes() -> None:
    assert set(REASONS.values()) == {HARD, SOFT, BLOCK}
