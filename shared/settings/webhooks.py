"""What MTAs say of our mail, in; what happened, out to customers."""

from __future__ import annotations

from dataclasses import dataclass

from shared.plans import Plans
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
    webhook_networks: tuple[str, ...] = setting(
        "MAILMATIC_WEBHOOK_NETWORKS",
        (),
        "Networks (CIDR, comma separated) of our own that customers' webhooks may be sent to all the same, "
        "also by plain HTTP. Empty: only public addresses, and only by HTTPS.",
    )
    webhook_timeout_seconds: float = setting(
        "MAILMATIC_WEBHOOK_TIMEOUT_SECONDS", 15.0, "Longest that an endpoint may take to answer."
    )
    webhook_poll_seconds: float = setting(
        "MAILMATIC_WEBHOOK_POLL_SECONDS",
        0.1,
        "How often it is looked for events that endpoints want to hear of.",
    )
    webhook_horizon_seconds: float = setting(
        "MAILMATIC_WEBHOOK_HORIZON_SECONDS",
        79 * 3600.0,
        "A delivery that has not arrived after this long is given up.",
    )
    webhook_disable_seconds: float = setting(
        "MAILMATIC_WEBHOOK_DISABLE_SECONDS",
        5 * 86400.0,
        "An endpoint that has taken nothing for this long is switched off, and its owners are told.",
    )
    webhook_keep_days: int = setting(
        "MAILMATIC_WEBHOOK_KEEP_DAYS", 30, "How long deliveries and their attempts are kept."
    )
    webhook_endpoints_most: int = setting(
        "MAILMATIC_WEBHOOK_ENDPOINTS_MOST", 100, "Most webhook endpoints of one account."
    )
    agent_log: str = setting(
        "MAILMATIC_AGENT_LOG",
        "/var/log/mail.log",
        "What postfix-agent follows: the path of Postfix's log (rotated as you like), journal, or - for "
        "standard input.",
    )
    agent_url: str = setting(
        "MAILMATIC_AGENT_URL",
        "",
        "Where postfix-agent posts to; empty: /api/webhooks/postfix of MAILMATIC_PUBLIC_URL.",
    )
    agent_poll_seconds: float = setting(
        "MAILMATIC_AGENT_POLL_SECONDS", 0.25, "How often postfix-agent looks for new lines."
    )
    intake_host: str = setting(
        "MAILMATIC_INTAKE_HOST", "127.0.0.1", "Where the door for returned mail listens."
    )
    intake_port: int = setting("MAILMATIC_INTAKE_PORT", 2525, "The port of the door for returned mail.")
    intake_protocol: str = setting("MAILMATIC_INTAKE_PROTOCOL", "smtp", "What it speaks: smtp, or lmtp.")
    razorpay_secrets: tuple[str, ...] = setting(
        "MAILMATIC_RAZORPAY_SECRETS",
        (),
        "Secrets of Razorpay's webhook, comma separated: the old one goes on beside the new one for a day, "
        "because repeats of older events are signed with it. Empty: the endpoint is off.",
    )
    plans: Plans = setting(
        "MAILMATIC_PLANS",
        Plans(""),
        "What this install sells, as JSON or the path of a file that holds it: "
        '`[{"id", "name", "daily", "monthly", "razorpay": ["plan_…"]}]`. '
        "The first is what an account without a paid subscription has. Empty: billing is off, nothing is "
        "limited by it.",
    )
    billing_grace_seconds: float = setting(
        "MAILMATIC_BILLING_GRACE_SECONDS",
        7 * 86400.0,
        "How long an account keeps its plan while a failed charge is tried again.",
    )
