"""SMTP submission: mail that clients hand over by SMTP."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Submission:
    """SMTP submission: mail that clients hand over by SMTP."""

    smtp_listen: str = setting(
        "MAILMATIC_SMTP_LISTEN",
        "0.0.0.0",  # noqa: S104 - who hands over mail is elsewhere
        "Address that SMTP submission listens on; `::` for IPv6 too.",
    )
    smtp_port: int = setting("MAILMATIC_SMTP_PORT", 587, "Its port with STARTTLS.")
    smtps_port: int = setting("MAILMATIC_SMTPS_PORT", 465, "Its port with TLS from the start.")
    smtp_certificate: str = setting(
        "MAILMATIC_SMTP_CERTIFICATE",
        "",
        "PEM file of its certificate and those above it; read again when it changes. Empty: one is made, "
        "signed by itself.",
    )
    smtp_certificate_key: str = setting(
        "MAILMATIC_SMTP_CERTIFICATE_KEY",
        "",
        "PEM file of the certificate's key; empty: it is in the same file.",
    )
    smtp_max_message_bytes: int = setting(
        "MAILMATIC_SMTP_MAX_MESSAGE_BYTES", 35 * 1024 * 1024, "Largest message as it is on the wire (SIZE)."
    )
    smtp_max_memory_bytes: int = setting(
        "MAILMATIC_SMTP_MAX_MEMORY_BYTES",
        256 * 1024 * 1024,
        "Octets of messages that one process may be reading at once; who comes beyond is told to try later.",
    )
    smtp_max_recipients: int = setting(
        "MAILMATIC_SMTP_MAX_RECIPIENTS", 100, "Most RCPT of one message; the others are told to come next."
    )
    smtp_max_connections: int = setting(
        "MAILMATIC_SMTP_MAX_CONNECTIONS", 1000, "Connections of one process at once."
    )
    smtp_max_connections_per_ip: int = setting(
        "MAILMATIC_SMTP_MAX_CONNECTIONS_PER_IP", 100, "The same of one client address (IPv6: /64)."
    )
    smtp_max_commands: int = setting(
        "MAILMATIC_SMTP_MAX_COMMANDS",
        1000,
        "Most commands of one connection between two accepted messages; before it has signed in: 30.",
    )
    smtp_idle_seconds: float = setting(
        "MAILMATIC_SMTP_IDLE_SECONDS", 300.0, "A connection that says nothing for this long is closed."
    )
    smtp_session_seconds: float = setting(
        "MAILMATIC_SMTP_SESSION_SECONDS", 3600.0, "A connection is closed after this long in any case."
    )
    smtp_login_seconds: float = setting(
        "MAILMATIC_SMTP_LOGIN_SECONDS", 60.0, "The same for one that has not signed in."
    )
    smtp_threads: int = setting(
        "MAILMATIC_SMTP_THREADS", 8, "Threads that ask the database, at most twice MAILMATIC_DB_POOL_SIZE."
    )
