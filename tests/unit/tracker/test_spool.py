"""The spool keeps every hit until it is taken away, whoever dies in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from services.tracker import spool as module
from services.tracker.spool import Spool

_ROOM = 1024 * 1024


def drain(spool: Spool) -> list[str]:
    lines = []
    for segment in spool.take():
        lines += segment.lines()
        segment.remove()
    return lines


def test_what_was_appended_is_taken_once_and_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, _ROOM)
    assert all(spool.append(f"line {number}") for number in range(100))
    assert drain(spool) == [f"line {number}" for number in range(100)]
    assert drain(spool) == []
    assert list(tmp_path.iterdir()) == []


def test_threads_that_append_while_it_is_emptied_lose_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, _ROOM * 100)
    threads = [
        threading.Thread(target=lambda who=who: [spool.append(f"{who}-{n}") for n in range(2000)])  # type: ignore[misc]
        for who in range(4)
    ]
    for thread in threads:
        thread.start()
    taken: list[str] = []
    while any(thread.is_alive() for thread in threads):
        taken += drain(spool)
    taken += drain(spool)
    assert sorted(taken) == sorted(f"{who}-{n}" for who in range(4) for n in range(2000))


def test_what_could_not_be_brought_away_comes_first_the_next_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path, _ROOM)
    spool.append("first")
    held = spool.take()
    spool.append("second")
    spool.give_back(held)
    assert drain(spool) == ["first", "second"]


def test_a_long_segment_is_closed_and_another_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEGMENT", 100)
    spool = Spool(tmp_path, _ROOM)
    lines = ["x" * 40 + str(number) for number in range(10)]
    for line in lines:
        spool.append(line)
        spool.flush()
    assert len(list(tmp_path.glob("*.hits"))) > 2
    assert drain(spool) == lines


def test_hits_are_dropped_and_counted_when_the_disk_has_its_fill(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 50)
    assert spool.append("x" * 60)
    spool.flush()
    assert spool.measure() == 61
    assert not spool.append("y")
    assert spool.dropped == 1
    assert drain(spool) == ["x" * 60]
    spool.measure()
    assert spool.append("z")


def test_a_disk_that_fails_stops_nobody_and_has_it_all_once_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    spool = Spool(tmp_path / "spool", _ROOM)
    assert spool.append("one")
    assert not spool.flush()
    assert spool.append("two")
    assert spool.take() == []
    (tmp_path / "spool").unlink()
    assert spool.flush()
    assert drain(spool) == ["one", "two"]
    assert spool.dropped == 0


def test_a_write_that_stopped_in_a_line_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, _ROOM)
    write, left = os.write, [9]

    def full_after_nine_octets(fd: int, data: memoryview) -> int:
        if not left[0]:
            raise OSError(28, "no space")
        done = write(fd, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(os, "write", full_after_nine_octets)
    spool.append("first")
    spool.append("second")
    assert not spool.flush()
    monkeypatch.undo()
    assert drain(spool) == ["first", "sec", "first", "second"]


def test_memory_has_a_limit_where_the_disk_has_come_to_a_halt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 3)
    spool = Spool(tmp_path, _ROOM)
    assert [spool.append("x") for _ in range(5)] == [True, True, True, False, False]
    assert spool.dropped == 2


def test_nobody_adopts_what_somebody_alive_writes(tmp_path: Path) -> None:
    one, other = Spool(tmp_path, _ROOM), Spool(tmp_path, _ROOM)
    one.append("mine")
    one.flush()
    assert list(other.adopted()) == []
    held = one.take()
    assert list(other.adopted()) == []
    assert [segment.lines() for segment in held] == [["mine"]]


def _write_and_wait(directory: str, ready: object) -> None:
    spool = Spool(Path(directory), _ROOM)
    for number in range(1000):
        spool.append(f"line {number}")
    spool.flush()
    ready.set()  # type: ignore[attr-defined]
    signal.pause()


def test_what_a_killed_process_had_written_is_adopted_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_write_and_wait, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(60)
    assert process.pid is not None
    living = Spool(tmp_path, _ROOM)
    assert list(living.adopted()) == []
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    (segment,) = living.adopted()
    assert segment.lines() == [f"line {number}" for number in range(1000)]
    segment.remove()
    assert list(living.adopted()) == []
