"""Waiting for something to see: as long as was asked for, by as many as there is room for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from services.gateway.waiting import WaitingRoom
from shared.db import DatabaseUnavailable


def test_wait_ends_with_what_is_seen_when_there_is_something_to_see() -> None:
    looks = iter([None, None, "there", "too late"])
    assert WaitingRoom(1).wait(lambda: next(looks), 30) == (True, "there")
    assert next(looks) == "too late"


def test_wait_ends_with_nothing_when_its_time_is_over() -> None:
    assert WaitingRoom(1).wait(lambda: None, 0.01) == (True, None)


def test_wait_goes_on_when_the_database_is_away_for_a_moment() -> None:
    looks: Iterator[object] = iter([DatabaseUnavailable("away"), "there"])

    def look() -> object:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    assert WaitingRoom(1).wait(look, 30) == (True, "there")


def test_nobody_waits_when_all_places_are_taken_and_again_when_one_is_free() -> None:
    room, looking, leave = WaitingRoom(1), threading.Event(), threading.Event()

    def stay() -> bool:
        looking.set()
        return leave.wait(30)

    first = threading.Thread(target=room.wait, args=(stay, 30))
    first.start()
    assert looking.wait(30)
    assert room.wait(lambda: "never looked", 30) == (False, None)
    leave.set()
    first.join()
    assert room.wait(lambda: "there", 30) == (True, "there")


def test_place_is_free_again_when_looking_failed() -> None:
    room = WaitingRoom(1)

    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        try:
            room.wait(fail, 30)
        except ZeroDivisionError:
            continue
        raise AssertionError("the failure was hidden")
    assert room.wait(lambda: "there", 30) == (True, "there")
