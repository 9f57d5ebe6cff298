"""Accounts, their people, keys and quotas."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rates import Rates
from shared.settings.declared import setting


@dataclass(frozen=True)
class People:
    """Accounts, their people, keys and quotas."""

    registration: bool = setting(
        "MAILMATIC_REGISTRATION", False, "on: anybody may make an account; off: the operator does."
    )
    session_idle_seconds: int = setting(
        "MAILMATIC_SESSION_IDLE_SECONDS", 14 * 86400, "A session ends when it was not used for this long."
    )
    session_longest_seconds: int = setting(
        "MAILMATIC_SESSION_LONGEST_SECONDS", 90 * 86400, "A session ends after this long in any case."
    )
    rate_limit_login: Rates = setting(
        "MAILMATIC_RATE_LIMIT_LOGIN",
        Rates("10/minute, 100/hour"),
        "Failed sign-ins with one address, whether somebody has it or not; or off.",
    )
    rate_limit_reset: Rates = setting(
        "MAILMATIC_RATE_LIMIT_RESET",
        Rates("3/hour"),
        "Mails with a token for a new password to one address; or off.",
    )
    system_sender: str = setting(
        "MAILMATIC_SYSTEM_SENDER",
        "",
        "Sender of the install's own mail (password resets, invitations), at a domain verified here; "
        "empty: there is none.",
    )
    key_cache_seconds: float = setting(
        "MAILMATIC_KEY_CACHE_SECONDS",
        3.0,
        "How long a checked API key is trusted without asking Postgres (max 5).",
    )
    quota_daily: int = setting(
        "MAILMATIC_QUOTA_DAILY",
        0,
        "Recipients that an account without a quota of its own may send to in a day (UTC); 0: any number.",
    )
    quota_monthly: int = setting("MAILMATIC_QUOTA_MONTHLY", 0, "The same for a calendar month (UTC).")
