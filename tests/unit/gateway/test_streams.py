"""Server-sent events: only so many at once, and a place is free again when its stream ends or is closed."""

from __future__ import annotations

import json

import pytest

from services.gateway.streams import Look, Snapshots, Streams, Topic


def topic(look: Look) -> Snapshots:
    return Snapshots(Topic("any", look, "end"))


def test_a_stream_tells_what_changes_and_ends_with_the_last() -> None:
    seen = iter([({"rows": 1}, False), ({"rows": 1}, False), ({"rows": 2}, True)])
    stream = Streams(1).open(topic(lambda: next(seen)))
    assert stream
    told = "".join(stream).split("\n\n")
    assert told[0].startswith("retry: ")
    assert told[1:] == [
        f"event: progress\ndata: {json.dumps({'rows': 1})}",
        f"event: end\ndata: {json.dumps({'rows': 2})}",
        "",
    ]


@pytest.mark.parametrize("read", [0, 1, 2])
def test_a_place_is_free_again_once_its_stream_is_closed_read_or_not(read: int) -> None:
    streams = Streams(1)
    stream = streams.open(topic(lambda: ({}, False)))
    assert stream
    assert streams.open(topic(lambda: ({}, False))) is None
    for _ in range(read):
        next(stream)
    stream.close()
    stream.close()
    assert streams.open(topic(lambda: ({}, False)))
    assert streams.open(topic(lambda: ({}, False))) is None


def test_a_place_is_free_again_when_nobody_could_look() -> None:
    def away() -> tuple[dict[str, object], bool]:
        raise LookupError("away")

    streams = Streams(1)
    stream = streams.open(topic(away))
    assert stream
    next(stream)
    with pytest.raises(LookupError, match="away"):
        next(stream)
    assert streams.open(topic(away))
