"""What every process needs: the servers, the names of this install, its processes and logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.settings.declared import setting


@dataclass(frozen=True)
class Install:
    """What every process needs: the servers, the names of this install, its processes and logs."""

    database_url: str = setting(
        "DATABASE_URL",
        "postgresql://mailmatic@127.0.0.1:5432/mailmatic",
        "PostgreSQL: the truth. A pooler in between must pool by session.",
    )
    rabbitmq_url: str = setting("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/", "RabbitMQ: the nudge.")
    redis_url: str = setting("REDIS_URL", "redis://127.0.0.1:6379/0", "Redis: the scratchpad.")
    public_url: str = setting(
        "MAILMATIC_PUBLIC_URL", "http://localhost:8080", "Where clients and readers reach this install."
    )
    hostname: str = setting("MAILMATIC_HOSTNAME", "localhost", "Name given in EHLO to relays.")
    state_dir: Path = setting(
        "MAILMATIC_STATE_DIR",
        Path(".local/state"),
        "Directory for what must survive a killed process (journals, spools). Give it a volume.",
    )
    master_keys: tuple[str, ...] = setting(
        "MAILMATIC_MASTER_KEYS",
        (),
        "Keys that protect secrets in the database, comma separated, newest first: 32 random bytes in "
        "URL-safe base64 each. The first encrypts, all decrypt. Keys of links and return paths are made of "
        "them, too: without any no mail is tracked, and links of one that is listed no more are dead.",
    )
    db_pool_size: int = setting("MAILMATIC_DB_POOL_SIZE", 8, "Database connections kept per process.")
    process: str = setting("MAILMATIC_PROCESS", "mailmatic", "Name of this process in logs and health.")
    log_format: str = setting("MAILMATIC_LOG_FORMAT", "json", "json, or console for people.")
    log_level: str = setting("MAILMATIC_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.")
    metrics_dir: str | None = setting(
        "PROMETHEUS_MULTIPROC_DIR",
        None,
        "Directory where the processes of one service share their metrics; each service needs its own.",
    )
    metrics_port: int = setting(
        "MAILMATIC_METRICS_PORT",
        0,
        "Port on which a process without HTTP of its own serves /metrics to Prometheus; 0: none.",
    )
    metrics_listen: str = setting(
        "MAILMATIC_METRICS_LISTEN", "127.0.0.1", "Address of that port. It is not for the world."
    )
