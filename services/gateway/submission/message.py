"""The octets after DATA, up to the one sequence that ends them: CR LF, a dot, CR LF (RFC 5321 §4.1.1.4).

No other ends a message, so nothing that a client passes on inside one is taken for commands (SMTP smuggling);
what holds a bare CR or LF is refused as a whole later (raw_message). The size is enforced while reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.gateway.submission.replies import Refused

_END = b"\r\n.\r\n"
_LINE_END = b"\r\n"


async def read_message(
    reader: asyncio.StreamReader, most: int, take: Callable[[int], bool], alive: Callable[[], None]
) -> bytes:
    """The message, its dots unstuffed.

    Args:
        most: octets it may have. One that is larger is read to its end without being kept, so that the client
            hears why; no more than as much again.
        take: asked for room for so many octets; False: there is none.
        alive: called whenever the client has sent a good piece.

    Raises:
        Refused: it is too large, or there is no room at the moment.
        asyncio.IncompleteReadError: the client is gone.
        ConnectionAbortedError: it does not end.
    """
    # the line end of DATA itself: a dot right behind it ends an empty message
    reader._buffer[:0] = _LINE_END  # type: ignore[attr-defined]
    kept: list[bytes] = []
    size, refusal = 0, ""
    while True:
        try:
            piece, ended = await reader.readuntil(_END), True
        except asyncio.LimitOverrunError as more:
            piece, ended = await reader.readexactly(more.consumed), False
        alive()
        size += len(piece)
        if not refusal and size - len(_END) - len(_LINE_END) > most:
            refusal = f"552 5.3.4 The message is larger than {most} octets"
        if not refusal and not take(len(piece)):
            refusal = "452 4.3.1 Too much mail at this moment: try again later"
        if refusal:
            kept.clear()
        else:
            kept.append(piece)
        if ended:
            break
        if size > 2 * most + len(_END):
            raise ConnectionAbortedError("a message without end")
    if refusal:
        raise Refused(refusal)
    whole = b"".join(kept)
    kept.clear()
    return whole[: -len(_END) + len(_LINE_END)].replace(b"\r\n.", b"\r\n")[len(_LINE_END) :]
