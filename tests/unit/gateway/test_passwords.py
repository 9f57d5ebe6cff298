"""Argon2id: what is stored, and how few are computed at once."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher

from services.gateway import passwords
from shared.errors import ApiError

GOOD = "correct-mule-42-battery"


def test_only_an_argon2id_hash_with_its_salt_is_kept() -> None:
    one, other = passwords.hashed(GOOD), passwords.hashed(GOOD)
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert passwords.matches(one, GOOD)
    assert not passwords.matches(one, GOOD + "x")


@pytest.mark.parametrize("stored", [None, "", "no hash at all"])
def test_nothing_matches_when_there_is_no_hash(stored: str | None) -> None:
    assert not passwords.matches(stored, GOOD)


def test_hash_outdated_when_it_was_made_with_other_parameters() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(GOOD)
    assert passwords.matches(weak, GOOD)
    assert passwords.outdated(weak)
    assert not passwords.outdated(passwords.hashed(GOOD))


def test_the_same_password_matches_when_it_is_typed_on_another_system() -> None:
    assert passwords.matches(passwords.hashed("caf\u00e9 au lait, toujours"), "cafe\u0301 au lait, toujours")


def test_who_finds_no_seat_is_told_to_come_back() -> None:
    leave, seated = threading.Event(), threading.Semaphore(0)

    def sit() -> None:
        with passwords.seat():
            seated.release()
            leave.wait(30)

    people = [threading.Thread(target=sit) for _ in range(4)]
    for person in people:
        person.start()
    for _ in people:
        assert seated.acquire(timeout=30)
    with pytest.raises(ApiError) as refused:
        passwords.hashed(GOOD)
    leave.set()
    for person in people:
        person.join()
    assert (refused.value.status, refused.value.code) == (503, "busy")
    assert refused.value.headers == {"Retry-After": "1"}
    assert passwords.hashed(GOOD)
