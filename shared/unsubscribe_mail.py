"""Mails that unsubscribe their sender: the `mailto:` beside the one click (RFC 2369 §3.2, RFC 8058 §3.1).

`unsubscribe@bounces.<domain>`, with the token of the reader's unsubscribe link as the subject. The local part
has no room for it (64 octets, RFC 5321 §4.5.3.1.1), and servers may change its case. Nobody can make one
without a master key: a made-up mail unsubscribes nobody.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

from shared.domain_checks.records import RETURN_PATH
from shared.tracking import Tokens, Unsubscription

LOCAL = "unsubscribe"
#: What may be a token; clients put `Re: ` before it, or words of their own.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,200}")


def mailto(domain: str, url: str) -> str:
    """What follows `mailto:` in mail from `domain`, whose return path comes to us, beside the link `url`."""
    return f"{LOCAL}@{RETURN_PATH}.{domain}?subject={url.rpartition('/')[2]}"


def is_for(address: str) -> bool:
    """Whether mail to `address` is such a mail."""
    local, _, host = address.lower().rpartition("@")
    return local == LOCAL and host.startswith(f"{RETURN_PATH}.")


def read(raw: bytes, known: Tokens) -> Unsubscription | None:
    """The link whose token is the subject of the mail `raw`; None if it is none of `known`'s."""
    subject = BytesHeaderParser().parsebytes(raw)["subject"]
    for found in _TOKEN.findall(_decoded(str(subject or ""))):
        link = known.read(found)
        if isinstance(link, Unsubscription):
            return link
    return None


def _decoded(subject: str) -> str:
    """Unfolded, out of encoded words: some clients make these of anything long."""
    try:
        return str(make_header(decode_header(subject)))
    except (HeaderParseError, LookupError, ValueError):
        return subject
