"""Mail that came back → what it says of our emails: delivery reports, complaints, or nothing.

RFC 3464 reports are read by the standard library's parser; bounces of servers that have never heard of it by
flufl.bounce, the detectors of Mailman; complaints are RFC 5965. Automatic replies say nothing.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr

from flufl.bounce import all_failures

from shared.bounces import basic_of, classify, enhanced_of

#: Longest words of a server that are kept.
_MAX_WORDS = 1_000
#: Feedback that is no complaint (RFC 5965 §7.3, RFC 6591, RFC 6430).
_NO_COMPLAINT = ("auth-failure", "not-spam", "virus")
_MESSAGE_ID = re.compile(r"^\s*message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
#: action of RFC 3464 §2.3.3 → event
_ACTIONS = {"failed": "bounce", "delayed": "deferred", "delivered": "delivered"}
#: x.4.7: the server has given up after trying for long enough
_EXPIRED = re.compile(r"[245]\.4\.7$")


@dataclass(frozen=True)
class Said:
    """One thing that a returned mail says. `recipient` None: of whoever the mail was for."""

    event: str
    recipient: str | None
    reason: str | None = None
    dsn: str | None = None
    message_id: str | None = None
    feedback_type: str | None = None


def read(raw: bytes) -> list[Said]:
    """Everything that the mail `raw` says; empty: nothing that we understand, or an automatic reply."""
    # no text of ours may hold a NUL: PostgreSQL takes none
    message = email.message_from_bytes(raw.replace(b"\0", b""), policy=email.policy.compat32)
    about = _returned_message_id(message)
    complaint = _feedback(message)
    if complaint is not None:
        return [_complaint(message, complaint, about)] if _is_complaint(complaint) else []
    reported = list(_reported(message, about))
    if reported:
        return reported
    if _is_out_of_office(message) or not getaddresses([str(message["from"] or "")]):
        return []  # (the detectors trip over mail from nobody)
    # some of these call themselves automatic replies, so what they say goes before what they are called
    temporary, permanent = all_failures(message)
    words = _text_of(message)
    found = [Said("bounce", _text(address), *_words_about(address, words), about) for address in permanent]
    return found + [
        Said("deferred", _text(address), *_words_about(address, words), about)
        for address in temporary - permanent
    ]


def _reported(message: Message, about: str | None) -> Iterator[Said]:
    """The recipients of every `message/delivery-status` part (RFC 3464 §2)."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for fields in part.get_payload() if isinstance(part.get_payload(), list) else ():
            if not isinstance(fields, Message):
                continue
            event = _ACTIONS.get(_first_word(fields["action"]))
            address = _address(fields["original-recipient"]) or _address(fields["final-recipient"])
            if event is None or address is None:
                continue
            dsn = enhanced_of(str(fields["status"] or "")) or None
            words = _unfolded(fields["diagnostic-code"]).partition(";")[2] or _unfolded(
                fields["diagnostic-code"]
            )
            if event == "bounce" and dsn and (_EXPIRED.match(dsn) or dsn.startswith("4.")):
                event = "expired"
            yield Said(event, address, words.strip()[:_MAX_WORDS] or None, dsn, about)


def _feedback(message: Message) -> Message | None:
    """The fields of a `message/feedback-report` part (RFC 5965 §3)."""
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            payload = part.get_payload()
            if isinstance(payload, list) and payload and isinstance(payload[0], Message):
                return payload[0]
            text = payload if isinstance(payload, str) else ""
            return email.message_from_string(text.strip())
    return None


def _is_complaint(fields: Message) -> bool:
    return _first_word(fields["feedback-type"]) not in _NO_COMPLAINT


def _complaint(message: Message, fields: Message, about: str | None) -> Said:
    address = _address(fields["original-rcpt-to"])
    kind = _first_word(fields["feedback-type"]) or None
    return Said("complaint", address, None, None, about, kind)


def _returned_message_id(message: Message) -> str | None:
    """The Message-ID of the email that came back with `message`, whole, as headers, or quoted in its text."""
    for part in message.walk():
        if part is message:
            continue
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            whole = inner[0] if isinstance(inner, list) and inner else None
            if isinstance(whole, Message) and whole["message-id"]:
                return str(whole["message-id"]).strip()
        elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
            quoted = _MESSAGE_ID.search(_decoded(part))
            if quoted:
                return quoted[1]
    quoted = _MESSAGE_ID.search(_text_of(message))
    return quoted[1] if quoted else None


def _is_out_of_office(message: Message) -> bool:
    """Whether a person's program answers for them: whatever it says, the mail arrived."""
    subject = str(message["subject"] or "").lower()
    marked = message["x-autoreply"] or message["x-autorespond"]
    return bool(marked) or subject.startswith(("out of office", "automatic reply", "auto:", "autoreply"))


def _words_about(address: bytes, text: str) -> tuple[str | None, str | None]:
    """(the line that says what is wrong with `address`, its enhanced status code), as far as there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if _text(address).lower() in line.lower()), 0)
    near = lines[at : at + 8] + lines[:at]
    coded = [line for line in near if basic_of(line + " ") or enhanced_of(line)]
    telling = [line for line in (*coded, *near) if classify(line).reason != "other"]
    line = (telling or coded or near or [""])[0]
    return line[:_MAX_WORDS] or None, enhanced_of(line)


def _text_of(message: Message) -> str:
    """All plain text of the mail, up to what is quoted of ours."""
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    return "\n".join(_decoded(part) for part in parts)


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return str(part.get_payload())
    return payload.decode("utf-8", "replace").replace("\0", "")


def _address(field: object) -> str | None:
    """`rfc822; ada@example.net` → the address, without brackets."""
    text = _unfolded(field)
    text = text.rpartition(";")[2]  # some write the type twice
    found = parseaddr(text.strip())[1] or text.strip().strip("<>")
    return found if "@" in found else None


def _unfolded(field: object) -> str:
    return " ".join(str(field or "").split())


def _first_word(field: object) -> str:
    return _unfolded(field).partition(" ")[0].partition(";")[0].lower()


def _text(address: bytes | str) -> str:
    return address.decode("utf-8", "replace") if isinstance(address, bytes) else address
