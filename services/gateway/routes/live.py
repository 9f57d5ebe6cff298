"""Streams of operations: taken over by the streaming process, or served here while there is a thread for
it.
"""

from __future__ import annotations

from functools import cache

from flask import Response, request

from services.gateway.errors import problem
from services.gateway.streams import Look, Streams, Topic
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
    take_over = request.environ.get(TAKES_OVER)
    if take_over is not None:
        take_over(topic)
        return Response(mimetype="text/event-stream")
    stream = _streams().open(topic)
    if stream is None:
        raise problem("too_many_streams", headers={"Retry-After": "5"})
    return Response(stream, mimetype="text/event-stream")


@cache
def _streams() -> Streams:
    return Streams(max(1, settings().http_threads // 4))
