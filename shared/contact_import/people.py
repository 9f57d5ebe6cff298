"""A CSV row → somebody to put on a list, or why not. Pure but for the cache of domains."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from shared.addresses import MAX_NAME, AddressError, address_key, domain_name, has_controls, parse_address
from shared.contact_import.columns import EMAIL, FIRST_NAME, LAST_NAME, METADATA, Layout

#: Largest metadata of one row, as JSON (bytes), and the longest cell that can hold an address.
MAX_METADATA = 64 * 1024
_MAX_CELL = 1_024
#: Addresses of which the domain alone needs a look, once: nearly all. The others take the long way,
#: thirty times slower.
_PLAIN = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([^\s@()<>,;:\"\[\]\\]+\.[^\s@()<>,;:\"\[\]\\.]+)"
)
_MAX_LOCAL, _MAX_ADDRESS = 64, 254
#: What a spreadsheet would run as a formula is exported behind a quote, which is taken away again here.
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(slots=True)
class Entry:
    """Somebody: empty names and metadata say nothing of them."""

    line: int
    email: str
    key: str
    first_name: str | None
    last_name: str | None
    metadata: dict[str, str]

    def add(self, later: Entry) -> None:
        """What a later row says of the same person."""
        self.first_name = later.first_name or self.first_name
        self.last_name = later.last_name or self.last_name
        self.metadata.update(later.metadata)


def entry_of(line: int, cells: list[str], layout: Layout) -> Entry | str:
    """What a row says, or why it is left out, for a person."""
    text, first, last = "", "", ""
    metadata: dict[str, str] = {}
    for at, field in layout.fields:
        value = cells[at].strip() if at < len(cells) else ""
        if not value:
            continue
        if "\x00" in value:
            return "Holds a NUL character."
        if value[0] == "'" and _ESCAPED.match(value):
            value = value[1:]
        if field == EMAIL:
            text = value
        elif field == FIRST_NAME:
            first = value
        elif field == LAST_NAME:
            last = value
        else:
            metadata[field[len(METADATA) :]] = value
    found = address_of(text)
    if not isinstance(found, tuple):
        return found
    fault = _name_fault(first) or _name_fault(last) or (_metadata_fault(metadata) if metadata else None)
    return fault or Entry(line, *found, first or None, last or None, metadata)


def address_of(text: str) -> tuple[str, str] | str:
    """(address, `address_key`) of a cell, or why it is none; as `parse_address` has it."""
    plain = _PLAIN.fullmatch(text) if len(text) <= _MAX_ADDRESS else None
    if plain and len(plain[1]) <= _MAX_LOCAL:
        domain = _domain(plain[2])
        email = f"{plain[1]}@{domain}"
        if domain and len(email) <= _MAX_ADDRESS:
            return email, email.lower()
    if not text:
        return "Has no address."
    if len(text) > _MAX_CELL:
        return "The address is too long."
    try:
        address = parse_address(text)
    except AddressError as error:
        return str(error)
    return address.email, address_key(address.email)


@lru_cache(maxsize=100_000)
def _domain(name: str) -> str | None:
    try:
        return domain_name(name)
    except AddressError:
        return None


def _name_fault(name: str) -> str | None:
    if len(name) > MAX_NAME:
        return f"A name has at most {MAX_NAME} characters."
    if not name.isprintable() and has_controls(name):
        return "A name holds a line break or another control character."
    return None


def _metadata_fault(metadata: dict[str, str]) -> str | None:
    if sum(map(len, metadata.values())) * 4 < MAX_METADATA:
        return None
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA:
        return f"Holds more than {MAX_METADATA} bytes beside address and names."
    return None
