"""`Prefer: wait=N` as RFC 7240 writes it."""

from __future__ import annotations

import pytest

from services.gateway.prefer import preferred_wait


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["wait=10"], 10),
        (["Wait = 10"], 10),
        (['wait="10"'], 10),
        (["respond-async, wait=10"], 10),
        (["wait=10, respond-async"], 10),
        (["wait=10; foo=bar"], 10),
        (["respond-async", "wait=5"], 5),
        (["wait=5", "wait=9"], 5),
        (['foo="a, wait=3", wait=7'], 7),
        (["wait=31"], 30),
        (["wait=999999999"], 30),
        (["wait=0"], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait"], None),
        (["wait=soon"], None),
        (["await=10"], None),
        (['"'], None),
    ],
)
def test_wait_is_found_among_preferences(values: list[str], expected: int | None) -> None:
    assert preferred_wait(values) == expected
