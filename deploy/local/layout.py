"""Where one cluster keeps what on disk, and the settings its processes get."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import secrets
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.ports import HOST, Ports

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Layout:
    """One cluster: its directory, its ports, the servers that were given by URL, and settings of ours.

    `given` maps `DATABASE_URL`, `RABBITMQ_URL` and `REDIS_URL` to servers that are not ours to start or stop.
    """

    directory: Path
    ports: Ports
    given: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def mailbox(self) -> Path:
        """The Maildir of the local mailbox."""
        return self.directory / "mailbox"

    @property
    def logs(self) -> Path:
        """One log file a program."""
        return self.directory / "logs"

    @property
    def url(self) -> str:
        """The one origin that clients use."""
        return f"http://localhost:{self.ports.edge}"

    @property
    def postgres_data(self) -> Path:
        """The data folder of our PostgreSQL: below `directory` if PostgreSQL's user can get there."""
        if self.unprivileged is None or reachable(self.directory, self.unprivileged):
            return self.directory / "postgres"
        return Path("/var/tmp") / f"mailmatic-{self.key}" / "postgres"  # noqa: S108 - ours alone, mode 0700

    @property
    def runtime(self) -> Path:
        """A folder with a short path, for sockets (a path over 107 bytes breaks one)."""
        return Path(tempfile.gettempdir()) / f"mailmatic-{self.key}"

    @property
    def key(self) -> str:
        """A few characters that stand for `directory`."""
        return hashlib.sha256(f"{self.directory.resolve()}:{os.getuid()}".encode()).hexdigest()[:10]

    @property
    def unprivileged(self) -> str | None:
        """The user for PostgreSQL, which refuses root; None when we are not root ourselves."""
        return "postgres" if os.getuid() == 0 else None

    @property
    def database_url(self) -> str:
        """PostgreSQL, given or ours."""
        password = self.secret("postgres")
        return self.given.get(
            "DATABASE_URL", f"postgresql://mailmatic:{password}@{HOST}:{self.ports.postgres}/mailmatic"
        )

    @property
    def maintenance_url(self) -> str:
        """Our PostgreSQL's own database, there before ours is."""
        return self.database_url.rsplit("/", 1)[0] + "/postgres"

    @property
    def rabbitmq_url(self) -> str:
        """RabbitMQ, given or ours (a private node, loopback only, with its default user)."""
        return self.given.get("RABBITMQ_URL", f"amqp://guest:guest@{HOST}:{self.ports.rabbitmq}/")

    @property
    def redis_url(self) -> str:
        """Redis, given or ours."""
        return self.given.get("REDIS_URL", f"redis://{HOST}:{self.ports.redis}/0")

    def secret(self, name: str) -> str:
        """A random secret of 32 bytes in URL-safe base64, made once and kept in the cluster's directory."""
        path = self.directory / "secrets" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        return path.read_text()

    def environment(self) -> dict[str, str]:
        """The settings of our own processes."""
        return {
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbitmq_url,
            "REDIS_URL": self.redis_url,
            "MAILMATIC_PUBLIC_URL": self.url,
            "MAILMATIC_RELAYS": f"smtp://{HOST}:{self.ports.mailbox}",
            "MAILMATIC_STATE_DIR": str(self.directory / "state"),
            "MAILMATIC_MASTER_KEYS": self.secret("master-key"),
            # a developer's own programs may hear what happened
            "MAILMATIC_WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",
            "MAILMATIC_POSTFIX_SECRETS": self.secret("postfix"),
            # what is sent here stays here, whatever the world's DNS says of its domains
            "MAILMATIC_MX_CHECK": "off",
            "MAILMATIC_SMTP_LISTEN": HOST,
            "MAILMATIC_SMTP_PORT": str(self.ports.smtp),
            "MAILMATIC_INTAKE_PORT": str(self.ports.intake),
            "MAILMATIC_SMTPS_PORT": str(self.ports.smtps),
            "MAILMATIC_REGISTRATION": "on",
            "MAILMATIC_SYSTEM_SENDER": "Mailmatic <hello@sandbox.mailmatic.test>",
            "MAILMATIC_LOG_FORMAT": "console",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }


def reachable(path: Path, user: str) -> bool:
    """Whether `user` may enter every folder on the way to `path`."""
    account = pwd.getpwnam(user)
    for folder in [path.resolve(), *path.resolve().parents]:
        if not folder.exists():
            continue
        info = folder.stat()
        bit = 0o100 if info.st_uid == account.pw_uid else 0o010 if info.st_gid == account.pw_gid else 0o001
        if not info.st_mode & bit:
            return False
    return True
