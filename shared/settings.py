"""Every setting of Mailmatic, read once from the environment.

The only module that reads `os.environ`. A value that can't be understood stops the process at its
start with one line that names the variable, what it holds and what it should hold.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from shared.ip_addresses import IpAddresses
from shared.rates import Rates
from shared.resolvers import Resolvers

_SWITCH = {"on": True, "off": False}


class SettingsError(ValueError):
    """An environment variable holds something that can't be used."""


def _setting(env: str, default: Any, help: str) -> Any:
    """A field with its variable and its help text."""
    return field(default=default, metadata={"env": env, "help": help})


@dataclass(frozen=True)
class Settings:
    """Typed settings; times are seconds, sizes bytes. `docs/settings.md` is generated from this table."""

    database_url: str = _setting(
        "DATABASE_URL", "postgresql://mailmatic@127.0.0.1:5432/mailmatic", "PostgreSQL: the truth."
    )
    rabbitmq_url: str = _setting("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/", "RabbitMQ: the nudge.")
    redis_url: str = _setting("REDIS_URL", "redis://127.0.0.1:6379/0", "Redis: the scratchpad.")
    relays: tuple[str, ...] = _setting(
        "MAILMATIC_RELAYS",
        ("smtp://127.0.0.1:25",),
        "SMTP relays in order of preference, comma separated: smtp[s]://[user:password@]host[:port][?starttls=never|"
        "opportunistic|required][&verify=yes|no]. Mail goes to the first that answers.",
    )
    public_url: str = _setting(
        "MAILMATIC_PUBLIC_URL", "http://localhost:8080", "Where clients and readers reach this install."
    )
    hostname: str = _setting("MAILMATIC_HOSTNAME", "localhost", "Name given in EHLO to relays.")
    state_dir: Path = _setting(
        "MAILMATIC_STATE_DIR",
        Path(".local/state"),
        "Directory for what must survive a killed process (journals, spools). Give it a volume.",
    )
    process: str = _setting("MAILMATIC_PROCESS", "mailmatic", "Name of this process in logs and health.")
    log_format: str = _setting("MAILMATIC_LOG_FORMAT", "json", "json, or console for people.")
    log_level: str = _setting("MAILMATIC_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.")
    metrics_dir: str | None = _setting(
        "PROMETHEUS_MULTIPROC_DIR",
        None,
        "Directory where the processes of one HTTP service share their metrics; each service needs its own.",
    )
    trusted_proxies: int = _setting(
        "MAILMATIC_TRUSTED_PROXIES", 1, "How many reverse proxies of ours stand in front (nginx: 1)."
    )
    http_workers: int = _setting("MAILMATIC_HTTP_WORKERS", 2, "Processes of each HTTP service.")
    http_threads: int = _setting("MAILMATIC_HTTP_THREADS", 8, "Threads of each of these processes.")
    max_waiting: int = _setting(
        "MAILMATIC_MAX_WAITING",
        4,
        "How many requests of one process may wait for an outcome (Prefer: wait) at once; always fewer than "
        "its threads. The others are answered as if they had not asked to.",
    )
    master_keys: tuple[str, ...] = _setting(
        "MAILMATIC_MASTER_KEYS",
        (),
        "Keys that protect secrets in the database, comma separated, newest first: 32 random bytes in "
        "URL-safe base64 each. The first encrypts, all decrypt.",
    )
    dns_resolvers: Resolvers = _setting(
        "MAILMATIC_DNS_RESOLVERS",
        Resolvers(""),
        "Resolvers as ip, ip:port or [ipv6]:port, comma separated; empty: the system's.",
    )
    dns_timeout_seconds: float = _setting(
        "MAILMATIC_DNS_TIMEOUT_SECONDS",
        2.0,
        "Longest wait for the DNS; what is not known by then is unknown.",
    )
    mx_check: bool = _setting(
        "MAILMATIC_MX_CHECK",
        True,
        "on, or off: whether an email is refused if the domain of a recipient provably receives no mail. "
        "Trouble in the DNS refuses nothing.",
    )
    spf_include: str = _setting(
        "MAILMATIC_SPF_INCLUDE",
        "",
        "The name whose SPF record lists our sending hosts, which customers' records include; empty: spf. "
        "before the host of MAILMATIC_PUBLIC_URL.",
    )
    return_path_host: str = _setting(
        "MAILMATIC_RETURN_PATH_HOST",
        "",
        "The host (with MX and SPF) that customers' bounces.<domain> are aliases of; empty: bounces. before "
        "the host of MAILMATIC_PUBLIC_URL.",
    )
    tracking_host: str = _setting(
        "MAILMATIC_TRACKING_HOST",
        "",
        "The host that customers' links.<domain> are aliases of; empty: the host of MAILMATIC_PUBLIC_URL.",
    )
    sending_ips: IpAddresses = _setting(
        "MAILMATIC_SENDING_IPS",
        IpAddresses(""),
        "Addresses that our mail leaves from, comma separated: customers' SPF is evaluated for each. Empty: "
        "it is only looked for our include.",
    )
    domain_check_seconds: float = _setting(
        "MAILMATIC_DOMAIN_CHECK_SECONDS", 5.0, "Longest that one look at a domain's records takes."
    )
    domain_pending_seconds: float = _setting(
        "MAILMATIC_DOMAIN_PENDING_SECONDS", 300.0, "How often a domain that is not verified yet is looked at."
    )
    domain_verified_seconds: float = _setting(
        "MAILMATIC_DOMAIN_VERIFIED_SECONDS", 86400.0, "How often a verified domain is looked at."
    )
    domain_fail_seconds: float = _setting(
        "MAILMATIC_DOMAIN_FAIL_SECONDS",
        172_800.0,
        "How long the DKIM record of a verified domain must be gone (three looks at least) before it fails.",
    )
    domain_poll_seconds: float = _setting(
        "MAILMATIC_DOMAIN_POLL_SECONDS", 5.0, "How often the scheduler asks which domains are due for a look."
    )
    dkim_retire_seconds: float = _setting(
        "MAILMATIC_DKIM_RETIRE_SECONDS",
        604_800.0,
        "How long the record of a replaced DKIM key must stay: longer than any mail is on its way.",
    )
    db_pool_size: int = _setting("MAILMATIC_DB_POOL_SIZE", 8, "Database connections kept per process.")
    key_cache_seconds: float = _setting(
        "MAILMATIC_KEY_CACHE_SECONDS",
        3.0,
        "How long a checked API key is trusted without asking Postgres (max 5).",
    )
    rate_limit_credential: Rates = _setting(
        "MAILMATIC_RATE_LIMIT_CREDENTIAL",
        Rates("600/second"),
        "Requests of one credential: 600/second, or several at once (100/second, 3000/minute), or off.",
    )
    rate_limit_ip: Rates = _setting(
        "MAILMATIC_RATE_LIMIT_IP",
        Rates("60/minute"),
        "Requests of one client address (IPv6: /64) that come without a valid API key; or off.",
    )
    rate_limit_login: Rates = _setting(
        "MAILMATIC_RATE_LIMIT_LOGIN",
        Rates("10/minute, 100/hour"),
        "Failed sign-ins with one address, whether somebody has it or not; or off.",
    )
    rate_limit_reset: Rates = _setting(
        "MAILMATIC_RATE_LIMIT_RESET",
        Rates("3/hour"),
        "Mails with a token for a new password to one address; or off.",
    )
    registration: bool = _setting(
        "MAILMATIC_REGISTRATION", False, "on: anybody may make an account; off: the operator does."
    )
    session_idle_seconds: int = _setting(
        "MAILMATIC_SESSION_IDLE_SECONDS", 14 * 86400, "A session ends when it was not used for this long."
    )
    session_longest_seconds: int = _setting(
        "MAILMATIC_SESSION_LONGEST_SECONDS", 90 * 86400, "A session ends after this long in any case."
    )
    system_sender: str = _setting(
        "MAILMATIC_SYSTEM_SENDER",
        "",
        "Sender of the install's own mail (password resets, invitations), at a domain verified here; "
        "empty: there is none.",
    )
    rate_limit_visitor: Rates = _setting(
        "MAILMATIC_RATE_LIMIT_VISITOR",
        Rates("600/minute"),
        "Requests of one client address (IPv6: /64) for public pages; or off.",
    )
    max_request_bytes: int = _setting(
        "MAILMATIC_MAX_REQUEST_BYTES", 40 * 1024 * 1024, "Largest request body; more is 413."
    )
    max_body_bytes: int = _setting(
        "MAILMATIC_MAX_BODY_BYTES", 5 * 1024 * 1024, "Largest html or text of one email (UTF-8); more is 413."
    )
    max_attachment_bytes: int = _setting(
        "MAILMATIC_MAX_ATTACHMENT_BYTES",
        20 * 1024 * 1024,
        "Most bytes of one email's attachments together, decoded; more is 413. Base64 takes a third more, "
        "which MAILMATIC_MAX_REQUEST_BYTES and the edge's client_max_body_size (deploy/nginx: 45 MB) must "
        "let in.",
    )
    max_recipients: int = _setting(
        "MAILMATIC_MAX_RECIPIENTS", 50, "Most recipients of one email: to + cc + bcc."
    )
    outbox_poll_seconds: float = _setting(
        "MAILMATIC_OUTBOX_POLL_SECONDS", 0.025, "How often an idle relay looks for new outbox rows."
    )
    send_chunk: int = _setting("MAILMATIC_SEND_CHUNK", 100, "Most emails in one message to the sender.")
    lease_seconds: float = _setting(
        "MAILMATIC_LEASE_SECONDS",
        120.0,
        "How long a sender may hold claimed emails before others may take them.",
    )
    unknown_settle_seconds: float = _setting(
        "MAILMATIC_UNKNOWN_SETTLE_SECONDS",
        300.0,
        "How long a lost DATA reply waits for the MTA's own delivery events before the email is sent again.",
    )
    retry_base_seconds: float = _setting(
        "MAILMATIC_RETRY_BASE_SECONDS", 15.0, "First retry delay; it doubles."
    )
    retry_max_seconds: float = _setting(
        "MAILMATIC_RETRY_MAX_SECONDS", 3600.0, "Longest delay between retries."
    )
    retry_horizon_seconds: float = _setting(
        "MAILMATIC_RETRY_HORIZON_SECONDS", 86400.0, "After this long without success an email has failed."
    )
    smtp_timeout_seconds: float = _setting(
        "MAILMATIC_SMTP_TIMEOUT_SECONDS", 30.0, "Longest wait for one reply of a relay."
    )
    relay_cooldown_seconds: float = _setting(
        "MAILMATIC_RELAY_COOLDOWN_SECONDS", 5.0, "How long a relay that can't be reached is passed over."
    )
    sweep_interval_seconds: float = _setting(
        "MAILMATIC_SWEEP_INTERVAL_SECONDS",
        5.0,
        "How often the sweeper looks for emails nobody is working on.",
    )
    sweep_grace_seconds: float = _setting(
        "MAILMATIC_SWEEP_GRACE_SECONDS",
        60.0,
        "How long overdue an email must be before the sweeper nudges it.",
    )
    schedule_poll_seconds: float = _setting(
        "MAILMATIC_SCHEDULE_POLL_SECONDS",
        0.25,
        "How often the scheduler asks Redis whether scheduled mail is due.",
    )
    schedule_look_seconds: float = _setting(
        "MAILMATIC_SCHEDULE_LOOK_SECONDS",
        1.0,
        "How often the scheduler asks Postgres whatever Redis says: how late mail may be without it.",
    )
    schedule_horizon_seconds: float = _setting(
        "MAILMATIC_SCHEDULE_HORIZON_SECONDS", 366 * 86400.0, "How far ahead send_at may lie."
    )
    cron_secret: str = _setting(
        "MAILMATIC_CRON_SECRET", "", "Secret of /api/cron/process-scheduled; empty: the endpoint is off."
    )
    quota_daily: int = _setting(
        "MAILMATIC_QUOTA_DAILY",
        0,
        "Recipients that an account without a quota of its own may send to in a day (UTC); 0: any number.",
    )
    quota_monthly: int = _setting("MAILMATIC_QUOTA_MONTHLY", 0, "The same for a calendar month (UTC).")
    simulator_domain: str = _setting(
        "MAILMATIC_SIMULATOR_DOMAIN",
        "simulator.mailmatic.test",
        "Domain of the simulator's addresses (delivered@, bounced@ …): mail to it never leaves the install.",
    )

    @classmethod
    def from_env(cls, environ: dict[str, str] | None = None) -> Settings:
        """Settings from `environ` (default: the process's environment).

        Raises:
            SettingsError: a variable holds something that can't be used.
        """
        env = dict(os.environ) if environ is None else environ
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = item.metadata["env"]
            if env.get(name, "") != "":
                values[item.name] = _parse(name, env[name], item.default)
        return cls(**values)


def _parse(name: str, raw: str, default: Any) -> Any:
    try:
        if default is None:
            return raw
        if isinstance(default, bool):
            return _switch(raw)
        if isinstance(default, tuple):
            return tuple(part.strip() for part in raw.split(",") if part.strip())
        return type(default)(raw) if not isinstance(default, Path) else Path(raw)
    except ValueError as error:
        wanted = "on or off" if isinstance(default, bool) else f"a valid {type(default).__name__}"
        raise SettingsError(f"{name}={raw!r} is not {wanted}") from error


def _switch(raw: str) -> bool:
    try:
        return _SWITCH[raw.strip().lower()]
    except KeyError:
        raise ValueError(raw) from None


@cache
def settings() -> Settings:
    """The settings of this process, read at first use."""
    return Settings.from_env()


def reference() -> str:
    """`docs/settings.md`: every variable, its default and what it does, as Markdown."""
    lines = ["# Settings", "", "Environment variables; times in seconds, sizes in bytes.", ""]
    lines += ["| variable | default | what it does |", "|---|---|---|"]
    for item in fields(Settings):
        default = ",".join(item.default) if isinstance(item.default, tuple) else item.default
        default = "" if default is None else default
        default = ("off", "on")[default] if isinstance(default, bool) else default
        shown = f"`{default}`" if str(default) else ""
        text = item.metadata["help"].replace("|", "\\|")
        lines.append(f"| `{item.metadata['env']}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
