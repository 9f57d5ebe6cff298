"""Files as answers: streamed piece by piece, for as long as somebody takes them."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, request

_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


def download(content: Iterable[Any], name: str) -> Response:
    """`content` (str or bytes) as the file `name`, whose ending says what it is (csv, jsonl).

    Before each piece is made, the client is looked for: what is made for one that has left costs the others.
    """
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Accel-Buffering": "no",  # nginx passes each piece on as it comes
    }
    pieces = _while_taken(content, request.environ.get("gunicorn.socket"))
    return Response(pieces, mimetype=_TYPES[name.rpartition(".")[2]], headers=headers)


def _while_taken(content: Iterable[Any], client: socket.socket | None) -> Iterator[Any]:
    for piece in content:
        yield piece
        if client is not None and _has_left(client):
            return


def _has_left(client: socket.socket) -> bool:
    """Whether the other end has closed; nginx does when its own client has."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    return bool(poll.poll(0))
