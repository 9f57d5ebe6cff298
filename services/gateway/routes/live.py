"""Streams of operations: taken over by the streaming process, or served here while there is a thread for
it.
"""

from __future__ import annotations

from functools import cache

from flask import Response, request

from services.gateway.errors import problem
from services.gateway.log_tail import Tail
from services.gateway.streams import Look, Snapshots, Source, Streams, Topic
from shared.settings import settings

#: What the streaming process (services.gateway.streaming) puts into a request's environ to be told the topic.
TAKES_OVER = "mailmatic.takes_over"


def live(key: str, look: Look, last_event: str) -> Response:
    """The stream of what `look` sees.

    Args:
        key: what is watched; all who watch the same share its looks.
        last_event: what the event is called after which there are no more.

    Raises:
        ApiError: 503; no thread is free, and the edge did not lead to the streaming process.
    """
    topic = Topic(key, look, last_event)
    return _stream(topic, Snapshots(topic))


def live_log(tail: Tail) -> Response:
    """The stream of what happens in a log.

    Raises:
        ApiError: as `live`.
    """
    return _stream(tail, tail)


def _stream(taken_over: Topic | Tail, source: Source) -> Response:
    take_over = request.environ.get(TAKES_OVER)
    if take_over is not None:
        take_over(taken_over)
        return Response(mimetype="text/event-stream")
    stream = _streams().open(source)
    if stream is None:
        raise problem("too_many_streams", headers={"Retry-After": "5"})
    return Response(stream, mimetype="text/event-stream")


@cache
def _streams() -> Streams:
    return Streams(max(1, settings().http_threads // 4))
