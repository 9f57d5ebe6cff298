"""States, ids, contracts, settings and the merging of nudges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared import states
from shared.clock import iso, now
from shared.contracts import SendBulkEmails, SendEmails
from shared.ids import id_floor, id_time, new_id
from shared.relay import merge
from shared.settings import Settings, SettingsError


def test_ids_sort_by_time_and_tell_it() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert abs(id_time(ids[0]) - now()) < timedelta(seconds=5)
    assert all(value.version == 7 for value in ids)


def test_id_floor_bounds_a_month() -> None:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    assert id_time(id_floor(moment)) == moment
    assert id_floor(moment) < new_id()


@pytest.mark.parametrize("state", states.LADDER)
def test_repeated_event_changes_nothing(state: str) -> None:
    assert not states.climbs(state, state)


def test_late_delivery_does_not_undo_a_complaint() -> None:
    assert states.climbs(states.SENT, states.DELIVERED)
    assert not states.climbs(states.COMPLAINED, states.DELIVERED)
    assert not states.climbs(states.CANCELLED, states.DELIVERED)


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        (["sent"], "sent"),
        (["sent", "bounced"], "sent"),
        (["bounced", "bounced"], "bounced"),
        (["sent", "deferred"], "deferred"),
        (["unknown", "deferred"], "unknown"),
        (["delivered", "sent"], "sent"),
        (["delivered", "complained"], "complained"),
        (["suppressed", "delivered"], "delivered"),
        (["suppressed"], "suppressed"),
    ],
)
def test_status_of_an_email_follows_its_recipients(recipients: list[str], expected: str) -> None:
    assert states.email_status(recipients) == expected


def test_contract_ignores_what_a_newer_version_added() -> None:
    assert SendEmails.parse({"ids": ["a"], "later": 1}) == SendEmails(["a"])  # type: ignore[arg-type]


def test_nudges_of_one_kind_merge_and_keep_every_id_once() -> None:
    said = [(SendEmails((str(n), "0")), f"request-{n}") for n in range(250)]
    merged = merge([*said, (SendBulkEmails(("x",)), "b")])
    assert [message.queue for message, _ in merged] == ["sender-bulk", "sender", "sender", "sender"]
    assert merged[0] == (SendBulkEmails(("x",)), "b")
    ids = [id for message, _ in merged[1:] if isinstance(message, SendEmails) for id in message.ids]
    assert sorted(ids) == sorted(str(n) for n in range(250))


def test_settings_come_from_the_environment() -> None:
    config = Settings.from_env({"MAILMATIC_RELAYS": "smtp://a, smtp://b", "MAILMATIC_MAX_RECIPIENTS": "7"})
    assert config.relays == ("smtp://a", "smtp://b")
    assert config.max_recipients == 7
    assert config.state_dir == Path(".local/state")


def test_setting_that_makes_no_sense_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="MAILMATIC_MAX_RECIPIENTS='many'"):
        Settings.from_env({"MAILMATIC_MAX_RECIPIENTS": "many"})


def test_times_are_written_in_utc_with_z() -> None:
    assert iso(datetime(2026, 6, 1, 9, tzinfo=UTC)) == "2026-06-01T09:00:00Z"
    assert iso(datetime(2026, 6, 1, 9, 0, 0, 250_000, tzinfo=UTC)) == "2026-06-01T09:00:00.250Z"
