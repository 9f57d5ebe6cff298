"""A file's first line → how its rows are read: the delimiter, and what each column means. Pure."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.addresses import has_controls

EMAIL, FIRST_NAME, LAST_NAME, METADATA = "email", "first_name", "last_name", "metadata."

#: Most columns that are looked at, and the longest metadata key.
MAX_COLUMNS = 200
MAX_KEY = 100

_NAMES = {
    EMAIL: {"email", "e_mail", "email_address", "e_mail_address", "mail", "e_mail_1_value", "address"},
    FIRST_NAME: {"first_name", "firstname", "fname", "given_name", "first", "forename", "vorname"},
    LAST_NAME: {"last_name", "lastname", "lname", "family_name", "surname", "last", "nachname"},
}
_MEANING = {name: field for field, names in _NAMES.items() for name in names}
_DELIMITERS = ",;\t|"
_SEP = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class NotContacts(ValueError):
    """The file can't be read as contacts; the message says why, for a person."""


class WrongMapping(ValueError):
    """A mapping that does not fit the file: `column` is the one at fault."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column


@dataclass(frozen=True)
class Layout:
    """How rows are read: `fields` are (column from 0, what it means)."""

    delimiter: str
    fields: tuple[tuple[int, str], ...]

    def stored(self) -> dict[str, Any]:
        """As the import's row keeps it."""
        return {"delimiter": self.delimiter, "fields": [list(item) for item in self.fields]}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layout:
        """Out of the import's row."""
        return cls(stored["delimiter"], tuple((at, name) for at, name in stored["fields"]))


def delimiter_of(line: str) -> tuple[str, bool]:
    """What separates the cells of `line`, and whether the line says nothing else (Excel's `sep=;`)."""
    said = _SEP.fullmatch(line.strip("\r\n"))
    if said:
        return said[1], True
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count), False


def layout_of(line: str, delimiter: str, mapping: Mapping[str, str | None] | None = None) -> Layout:
    """What the header `line` says.

    Args:
        mapping: header → `email`, `first_name`, `last_name`, `metadata.key`, or None for a column to leave
            out; what it does not name is as the header says.

    Raises:
        NotContacts: no column holds addresses.
        WrongMapping: it names a column that is not there, or a meaning that there is none of.
    """
    headers = next(csv.reader([line], delimiter=delimiter), [])[:MAX_COLUMNS]
    names = [unicodedata.normalize("NFC", header.strip()) for header in headers]
    wanted = _wanted(names, mapping or {})
    fields: list[tuple[int, str]] = []
    for at, name in enumerate(names):
        field = wanted[name] if name in wanted else _meaning(name)
        if field:
            fields.append((at, _unique(field, {known for _, known in fields})))
    if not any(field == EMAIL for _, field in fields):
        hint = " The first row must be a header: email, first_name, last_name." if "@" in line else ""
        raise NotContacts(f"No column of the header is called email.{hint}")
    return Layout(delimiter, tuple(item for item in fields if item[1]))


def _wanted(names: list[str], mapping: Mapping[str, str | None]) -> dict[str, str | None]:
    by_name = {name.casefold(): name for name in names}
    wanted: dict[str, str | None] = {}
    for given, field in mapping.items():
        name = by_name.get(unicodedata.normalize("NFC", given.strip()).casefold())
        if name is None:
            raise WrongMapping(given, "The file has no column of this name.")
        if field is not None and not _is_field(field):
            raise WrongMapping(given, "Must be email, first_name, last_name, metadata.KEY or null.")
        wanted[name] = field
    taken = [field for field in wanted.values() if field in _NAMES]
    if len(set(taken)) < len(taken):
        raise WrongMapping("", "Two columns can't both be the email, or the same name.")
    return wanted


def _is_field(field: str) -> bool:
    key = field.removeprefix(METADATA)
    return field in _NAMES or (
        field.startswith(METADATA) and 0 < len(key) <= MAX_KEY and not has_controls(key)
    )


def _meaning(header: str) -> str | None:
    """`First Name` → `first_name`, `Company (2)` → `metadata.company_2`; nothing → None."""
    plain = re.sub(r"\W+", "_", header.lower().removeprefix("metadata.")).strip("_")[:MAX_KEY]
    if not plain:
        return None
    return _MEANING.get(plain) or f"{METADATA}{plain}"


def _unique(field: str, known: set[str]) -> str:
    """Of several columns of one meaning the first has it; the others are metadata under other names."""
    if field not in known:
        return field
    base = field if field.startswith(METADATA) else f"{METADATA}{field}"
    number = 2
    while f"{base}_{number}" in known:
        number += 1
    return f"{base}_{number}"
