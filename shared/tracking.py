"""Addresses that a reader's mail program calls: what the pixel, a link and the unsubscribe link stand for.

`<base>/api/t/o/<token>`, `/api/t/c/<token>` and `/api/unsub/<token>`. A token says all that the answer needs,
so that a link works for years and with every server down, and it is authenticated: nobody can make one that
leads elsewhere without a master key. No address is in it. In URL-safe base64, without padding:

    version and kind (1 octet) · key (1) · email id (16) · position (2) · the kind's own · MAC (10)

Position is the recipient's, or 65535 where one message went to several: nobody knows whose program calls.
A click's own are the number of the link (2) and the target; an unsubscription's the ids of contact and
campaign (16 each, both or neither): retention drops emails sooner than people look for that link. The MAC is
keyed BLAKE2b (RFC 7693), which is several times as fast as HMAC-SHA-256 on so few octets: an email has a MAC
for each of its links.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlsplit
from uuid import UUID

from shared.domain_checks.records import TRACKING
from shared.settings import settings

OPEN_PATH, CLICK_PATH, UNSUBSCRIBE_PATH = "/api/t/o/", "/api/t/c/", "/api/unsub/"

#: Longest target of a link (octets): its address must pass as one request line of 8 kB.
LONGEST_TARGET = 4096
#: Links of one email that can be told apart; the number after them is the trap's, which no reader sees.
MOST_LINKS = TRAP = 0xFFFF

#: What `Location` may be: http or https, and nothing that could end the header's line.
_TARGET = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_VERSION = 0x10
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_OPEN, _CLICK, _UNSUBSCRIBE = _VERSION | 1, _VERSION | 2, _VERSION | 3
#: position of a message to several recipients
_NOBODY = 0xFFFF
_MAC_OCTETS = 10
_HEAD_OCTETS = 1 + 1 + 16 + 2


@dataclass(frozen=True, slots=True)
class Open:
    """A recipient's mail program fetched the pixel. `position` None: one of several recipients."""

    email_id: UUID
    position: int | None


@dataclass(frozen=True, slots=True)
class Click:
    """A recipient followed link number `index` (from 0, in the order of the HTML) to `target`."""

    email_id: UUID
    position: int | None
    index: int
    target: str


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """A recipient's unsubscribe link; contact and campaign are those of a campaign's email."""

    email_id: UUID
    position: int | None
    contact_id: UUID | None = None
    campaign_id: UUID | None = None


Token = Open | Click | Unsubscription


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, master_keys: Sequence[str]) -> None:
        """`master_keys`, newest first: the first makes tokens, all read them, so a rotation breaks no link.

        Raises:
            ValueError: there is none.
        """
        if not master_keys:
            raise ValueError("MAILMATIC_MASTER_KEYS is not set: there is no key to make links with")
        keys = [hmac.digest(key.encode(), b"mailmatic.tracking", "sha256") for key in master_keys]
        self._newest = _keyed(keys[0])
        self._open, self._click, self._unsubscribe = (
            bytes([kind]) + _key_id(keys[0]) for kind in (_OPEN, _CLICK, _UNSUBSCRIBE)
        )
        self._keys: dict[bytes, list[hashlib.blake2b]] = {}
        for key in keys:
            self._keys.setdefault(_key_id(key), []).append(_keyed(key))

    def open(self, whom: bytes) -> str:
        """The token of the pixel for `whom`."""
        return self._signed(self._open + whom)

    def click(self, whom: bytes, link: bytes) -> str:
        """The token of a `link` for `whom`."""
        return self._signed(self._click + whom + link)

    def unsubscription(
        self, whom: bytes, contact_id: UUID | None = None, campaign_id: UUID | None = None
    ) -> str:
        """The token of the unsubscribe link; contact and campaign both or neither."""
        whose = contact_id.bytes + campaign_id.bytes if contact_id and campaign_id else b""
        return self._signed(self._unsubscribe + whom + whose)

    def read(self, token: str) -> Token | None:
        """What `token` stands for; None if it is none of ours, was cut off or tampered with."""
        payload = self._authentic(token)
        return _parsed(payload[0], payload) if payload else None

    def is_open(self, token: str) -> bool:
        """Whether `token` is a pixel's: `read` without its cost."""
        payload = self._authentic(token)
        return payload is not None and payload[0] == _OPEN

    def target(self, token: str) -> str | None:
        """Where the link with this token leads; None if it is none: `read` without its cost."""
        payload = self._authentic(token)
        if payload is None or payload[0] != _CLICK:
            return None
        target = payload[_HEAD_OCTETS + 2 :].decode("ascii", "replace")
        return target if _TARGET.fullmatch(target) else None

    def _authentic(self, token: str) -> bytes | None:
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        payload = data[:-_MAC_OCTETS]
        # decoding passes over what is not base64, and over bits that stand for nothing: one token, one text
        if len(payload) < _HEAD_OCTETS or _text(data) != token:
            return None
        for key in self._keys.get(payload[1:2], ()):
            if hmac.compare_digest(data[-_MAC_OCTETS:], _mac(key, payload)):
                return payload
        return None

    def _signed(self, payload: bytes) -> str:
        return _text(payload + _mac(self._newest, payload))


class TrackingUrls:
    """The whole addresses, below the URL of this install or below a domain's own host."""

    def __init__(self, base: str, tokens: Tokens) -> None:
        """`base` is scheme, host and port, without a final slash."""
        self._tokens = tokens
        self._open, self._click = base + OPEN_PATH, base + CLICK_PATH
        self._unsubscribe = base + UNSUBSCRIBE_PATH

    def open(self, whom: bytes) -> str:
        """Of the pixel."""
        return self._open + self._tokens.open(whom)

    def click(self, whom: bytes, link: bytes) -> str:
        """Of a link."""
        return self._click + self._tokens.click(whom, link)

    def unsubscribe(
        self, whom: bytes, contact_id: UUID | None = None, campaign_id: UUID | None = None
    ) -> str:
        """Of the page (GET) and of the one click (POST, RFC 8058)."""
        return self._unsubscribe + self._tokens.unsubscription(whom, contact_id, campaign_id)


@cache
def tokens() -> Tokens:
    """Those of the configured master keys.

    Raises:
        ValueError: none is configured.
    """
    return Tokens(settings().master_keys)


@lru_cache(maxsize=1024)
def tracking_urls(domain: str | None) -> TrackingUrls:
    """Addresses for mail from `domain` if its tracking host is verified (None: it is not), kept.

    A domain's own host is reached under the scheme and port of `MAILMATIC_PUBLIC_URL`.

    Raises:
        ValueError: no master key is configured.
    """
    public = settings().public_url.rstrip("/")
    if domain is None:
        return TrackingUrls(public, tokens())
    parts = urlsplit(public)
    port = f":{parts.port}" if parts.port else ""
    return TrackingUrls(f"{parts.scheme}://{TRACKING}.{domain}{port}", tokens())


def _parsed(kind: int, payload: bytes) -> Token | None:
    """What an authentic payload says; None if it is of a kind or version that we don't know."""
    email_id, number = UUID(bytes=payload[2:18]), int.from_bytes(payload[18:20])
    position = None if number == _NOBODY else number
    own = payload[_HEAD_OCTETS:]
    if kind == _OPEN and not own:
        return Open(email_id, position)
    if kind == _CLICK and len(own) > 2:
        target = own[2:].decode("ascii", "replace")
        return (
            Click(email_id, position, int.from_bytes(own[:2]), target) if _TARGET.fullmatch(target) else None
        )
    if kind == _UNSUBSCRIBE and not own:
        return Unsubscription(email_id, position)
    if kind == _UNSUBSCRIBE and len(own) == 32:
        return Unsubscription(email_id, position, UUID(bytes=own[:16]), UUID(bytes=own[16:]))
    return None


def whom(email_id: UUID, position: int | None) -> bytes:
    """Whom a token is for: the recipient at `position` of an email; None: all of several."""
    return email_id.bytes + (_NOBODY if position is None else position).to_bytes(2)


def link(index: int, target: str) -> bytes:
    """What a token says of link number `index` (below `MOST_LINKS`); the same for all readers of a campaign.

    Args:
        target: an absolute http or https URL in ASCII of at most `LONGEST_TARGET` octets, without spaces.

    Raises:
        ValueError: it is no such thing.
    """
    if len(target) > LONGEST_TARGET or _TARGET.fullmatch(target) is None:
        raise ValueError(f"not a URL to redirect to: {target[:80]!r}")
    return index.to_bytes(2) + target.encode()


def _text(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def _keyed(key: bytes) -> hashlib.blake2b:
    """What begins each MAC: to take the key in is a third of one."""
    return hashlib.blake2b(digest_size=_MAC_OCTETS, key=key)


def _mac(keyed: hashlib.blake2b, payload: bytes) -> bytes:
    mac = keyed.copy()
    mac.update(payload)
    return mac.digest()


def _key_id(key: bytes) -> bytes:
    """One octet: two keys may share it, then both are tried."""
    return hashlib.sha256(key).digest()[:1]
