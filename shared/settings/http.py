"""What HTTP services let in, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rates import Rates
from shared.settings.declared import setting


@dataclass(frozen=True)
class Http:
    """What HTTP services let in, and how much of it."""

    trusted_proxies: int = setting(
        "MAILMATIC_TRUSTED_PROXIES", 1, "How many reverse proxies of ours stand in front (nginx: 1)."
    )
    http_workers: int = setting("MAILMATIC_HTTP_WORKERS", 2, "Processes of each HTTP service.")
    http_threads: int = setting("MAILMATIC_HTTP_THREADS", 8, "Threads of each of these processes.")
    max_waiting: int = setting(
        "MAILMATIC_MAX_WAITING",
        4,
        "How many requests of one process may wait for an outcome (Prefer: wait) at once; always fewer than "
        "its threads. The others are answered as if they had not asked to.",
    )
    max_request_bytes: int = setting(
        "MAILMATIC_MAX_REQUEST_BYTES", 40 * 1024 * 1024, "Largest request body; more is 413."
    )
    rate_limit_credential: Rates = setting(
        "MAILMATIC_RATE_LIMIT_CREDENTIAL",
        Rates("600/second"),
        "Requests of one credential: 600/second, or several at once (100/second, 3000/minute), or off.",
    )
    rate_limit_ip: Rates = setting(
        "MAILMATIC_RATE_LIMIT_IP",
        Rates("60/minute"),
        "Requests of one client address (IPv6: /64) that come without a valid API key; or off.",
    )
    rate_limit_visitor: Rates = setting(
        "MAILMATIC_RATE_LIMIT_VISITOR",
        Rates("600/minute"),
        "Requests of one client address (IPv6: /64) for public pages; or off.",
    )
    cron_secret: str = setting(
        "MAILMATIC_CRON_SECRET", "", "Secret of /api/cron/process-scheduled; empty: the endpoint is off."
    )
