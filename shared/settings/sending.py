"""From an accepted email to the relay."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Sending:
    """From an accepted email to the relay."""

    relays: tuple[str, ...] = setting(
        "MAILMATIC_RELAYS",
        ("smtp://127.0.0.1:25",),
        "SMTP relays in order of preference, comma separated: smtp[s]://[user:password@]host[:port][?starttls=never|"
        "opportunistic|required][&verify=yes|no][&chunking=yes|no]. Mail goes to the first that answers.",
    )
    max_body_bytes: int = setting(
        "MAILMATIC_MAX_BODY_BYTES", 5 * 1024 * 1024, "Largest html or text of one email (UTF-8); more is 413."
    )
    max_attachment_bytes: int = setting(
        "MAILMATIC_MAX_ATTACHMENT_BYTES",
        20 * 1024 * 1024,
        "Most bytes of one email's attachments together, decoded; more is 413. Base64 takes a third more, "
        "which MAILMATIC_MAX_REQUEST_BYTES and the edge's client_max_body_size (deploy/nginx: 45 MB) must "
        "let in.",
    )
    max_recipients: int = setting(
        "MAILMATIC_MAX_RECIPIENTS", 50, "Most recipients of one email: to + cc + bcc."
    )
    lease_seconds: float = setting(
        "MAILMATIC_LEASE_SECONDS",
        120.0,
        "How long a sender may hold claimed emails before others may take them.",
    )
    unknown_settle_seconds: float = setting(
        "MAILMATIC_UNKNOWN_SETTLE_SECONDS",
        300.0,
        "How long a lost DATA reply waits for the MTA's own delivery events before the email is sent again.",
    )
    retry_base_seconds: float = setting(
        "MAILMATIC_RETRY_BASE_SECONDS", 15.0, "First retry delay; it doubles."
    )
    retry_max_seconds: float = setting(
        "MAILMATIC_RETRY_MAX_SECONDS", 3600.0, "Longest delay between retries."
    )
    retry_horizon_seconds: float = setting(
        "MAILMATIC_RETRY_HORIZON_SECONDS", 86400.0, "After this long without success an email has failed."
    )
    smtp_timeout_seconds: float = setting(
        "MAILMATIC_SMTP_TIMEOUT_SECONDS", 30.0, "Longest wait for one reply of a relay."
    )
    relay_cooldown_seconds: float = setting(
        "MAILMATIC_RELAY_COOLDOWN_SECONDS", 5.0, "How long a relay that can't be reached is passed over."
    )
    simulator_domain: str = setting(
        "MAILMATIC_SIMULATOR_DOMAIN",
        "simulator.mailmatic.test",
        "Domain of the simulator's addresses (delivered@, bounced@ …): mail to it never leaves the install.",
    )
