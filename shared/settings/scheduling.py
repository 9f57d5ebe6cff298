"""What is due by time, and what moves it on."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Scheduling:
    """What is due by time, and what moves it on."""

    outbox_poll_seconds: float = setting(
        "MAILMATIC_OUTBOX_POLL_SECONDS", 0.025, "How often an idle relay looks for new outbox rows."
    )
    sweep_interval_seconds: float = setting(
        "MAILMATIC_SWEEP_INTERVAL_SECONDS",
        5.0,
        "How often the sweeper looks for emails nobody is working on.",
    )
    sweep_grace_seconds: float = setting(
        "MAILMATIC_SWEEP_GRACE_SECONDS",
        60.0,
        "How long overdue an email must be before the sweeper nudges it.",
    )
    schedule_poll_seconds: float = setting(
        "MAILMATIC_SCHEDULE_POLL_SECONDS",
        0.25,
        "How often the scheduler asks Redis whether scheduled mail is due.",
    )
    schedule_look_seconds: float = setting(
        "MAILMATIC_SCHEDULE_LOOK_SECONDS",
        1.0,
        "How often the scheduler asks Postgres whatever Redis says: how late mail may be without it.",
    )
    schedule_horizon_seconds: float = setting(
        "MAILMATIC_SCHEDULE_HORIZON_SECONDS", 366 * 86400.0, "How far ahead send_at may lie."
    )
    statistics_poll_seconds: float = setting(
        "MAILMATIC_STATISTICS_POLL_SECONDS",
        1.0,
        "How often new events are counted: how old statistics may be.",
    )
