"""AUTH PLAIN and AUTH LOGIN (RFC 4954, 4616): the exchange that brings a username and a password."""

from __future__ import annotations

import base64
import binascii

from services.gateway.submission.replies import Refused
from services.gateway.submission.wire import Wire

MECHANISMS = ("PLAIN", "LOGIN")


async def username_and_password(wire: Wire, mechanism: str, initial: str) -> tuple[str, str]:
    """What the client signs in with.

    Raises:
        Refused: it gave up, or what it said is not what the mechanism is made of.
    """
    if mechanism == "LOGIN":
        username = await _secret(wire, "334 VXNlcm5hbWU6", initial)
        return username, await _secret(wire, "334 UGFzc3dvcmQ6", "")
    # authorisation identity, username and password between NULs
    parts = (await _secret(wire, "334 ", initial)).split("\0")
    if len(parts) != 3 or parts[0] not in ("", parts[1]):
        raise Refused("501 5.5.2 Not what AUTH PLAIN is made of")
    return parts[1], parts[2]


async def _secret(wire: Wire, challenge: str, given: str) -> str:
    """A text in base64, which the client gave already or is asked for; `=` is an empty one."""
    encoded = given.encode()
    if not encoded:
        await wire.say(challenge)
        encoded = await wire.line()
        wire.transcript.secret()
    if encoded == b"*":
        raise Refused("501 5.7.0 Given up, as you wish")
    try:
        return base64.b64decode(b"" if encoded == b"=" else encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("501 5.5.2 Not base64 of UTF-8") from None
