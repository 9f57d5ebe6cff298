"""Every setting of Mailmatic, read once from the environment; a section a file.

The only module that reads `os.environ`. A value that can't be understood stops the process at its
start with one line that names the variable, what it holds and what it should hold.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from shared.settings.declared import SettingsError, parse
from shared.settings.domains import Domains
from shared.settings.http import Http
from shared.settings.importing import Importing
from shared.settings.install import Install
from shared.settings.keeping import Keeping
from shared.settings.people import People
from shared.settings.scheduling import Scheduling
from shared.settings.sending import Sending
from shared.settings.submission import Submission
from shared.settings.tracking import Tracking
from shared.settings.webhooks import Webhooks

__all__ = ["SECTIONS", "Settings", "SettingsError", "settings"]

#: In the order of docs/settings.md.
SECTIONS = (
    Install,
    Http,
    People,
    Domains,
    Sending,
    Scheduling,
    Importing,
    Keeping,
    Submission,
    Tracking,
    Webhooks,
)


@dataclass(frozen=True)
class Settings(
    Install, Http, People, Domains, Sending, Scheduling, Importing, Keeping, Submission, Tracking, Webhooks
):
    """Typed settings; times are seconds, sizes bytes. `docs/settings.md` is generated from the sections."""

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
                values[item.name] = parse(name, env[name], item.default)
        return cls(**values)


@cache
def settings() -> Settings:
    """The settings of this process, read at first use."""
    return Settings.from_env()
