"""What MTAs say of our mail, in; what happened, out to customers."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Webhooks:
    """What MTAs say of our mail, in; what happened, out to customers."""

    postfix_secrets: tuple[str, ...] = setting(
        "MAILMATIC_POSTFIX_SECRETS",
        (),
        "Secrets of /api/webhooks/postfix, comma separated: any of them is accepted, so that one can be "
        "replaced without a gap. Empty: the endpoint is off.",
    )
    report_sweep_seconds: float = setting(
        "MAILMATIC_REPORT_SWEEP_SECONDS",
        30.0,
        "How long a delivery report may wait before it is taken up again without a nudge.",
    )
    report_keep_days: int = setting(
        "MAILMATIC_REPORT_KEEP_DAYS",
        30,
        "How long delivery reports are kept, also those about no email we know.",
    )
    soft_bounces: int = setting(
        "MAILMATIC_SOFT_BOUNCES",
        5,
        "An address whose last so many emails all bounced softly is suppressed, if they span "
        "MAILMATIC_SOFT_BOUNCE_DAYS; 0: never.",
    )
    soft_bounce_days: int = setting(
        "MAILMATIC_SOFT_BOUNCE_DAYS", 7, "The least time from the first of these soft bounces to the last."
    )
