"""How a setting is declared and read: its variable, its default (and so its type), and its help text."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

_SWITCH = {"on": True, "off": False}


class SettingsError(ValueError):
    """An environment variable holds something that can't be used."""


def setting(env: str, default: Any, help: str) -> Any:
    """A field with its variable and its help text."""
    return field(default=default, metadata={"env": env, "help": help})


def parse(name: str, raw: str, default: Any) -> Any:
    """What the variable `name` holds, as the type of `default`.

    Raises:
        SettingsError: it is no such thing.
    """
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
