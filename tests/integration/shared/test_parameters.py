"""Parameters of statements: lists arrive as what they were, and prepared statements are planned once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared import arrays
from shared.db import engine, transaction
from shared.prepared import Prepared

pytestmark = pytest.mark.usefixtures("in_process")

#: PostgreSQL has no NUL in texts, and no halves of surrogate pairs.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts | st.sampled_from(["", "NULL", "{}", 'a"b', "c\\", "a,b", "'", "%s", " x "]),
    "int": st.integers(-(2**31), 2**31 - 1),
    "float8": st.floats(allow_nan=False),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=3),
    "bool": st.booleans(),
    "uuid": st.uuids(),
    "timestamptz": st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    "bytea": st.binary(max_size=40),
}


@pytest.mark.parametrize("least", [0, arrays._MANY], ids=["any length", "long enough for a literal"])
@pytest.mark.parametrize("kind", VALUES)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_lists_arrive_as_what_they_were(kind: str, least: int, data: st.DataObject) -> None:
    one = VALUES[kind]
    values = data.draw(
        st.lists(one, min_size=least, max_size=24) | st.lists(st.none() | one, min_size=least, max_size=24)
    )
    with transaction() as tx:
        rows = tx.execute(
            text(f"SELECT value FROM unnest(CAST(:values AS {kind}[])) AS value"),  # noqa: S608 - our own types
            {"values": values},
        ).scalars()
    assert [bytes(row) if isinstance(row, memoryview) else row for row in rows] == values


@pytest.mark.parametrize("times", [1, arrays._MANY])
def test_lists_of_lists_are_arrays_of_arrays(times: int) -> None:
    with transaction() as tx:
        found = tx.execute(
            text("SELECT CAST(:values AS text[])"), {"values": [["a", "}"], [None, ""]] * times}
        ).scalar()
    assert found == [["a", "}"], [None, ""]] * times


def test_what_is_no_element_is_refused() -> None:
    with pytest.raises(TypeError, match="object"), transaction() as tx:
        tx.execute(text("SELECT CAST(:values AS text[])"), {"values": [object()] * arrays._MANY})


ADD = Prepared("test_add", "SELECT id, :more + 1 FROM unnest(:ids) AS id", ids="uuid[]", more="int")
_KNOWN = "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mailmatic_test_add'"


def test_prepared_statements_are_read_once_a_connection() -> None:
    ids = [UUID(int=1), UUID(int=2)]
    with engine().connect() as connection:
        for _ in range(3):
            with connection.begin():
                assert ADD.execute(connection, {"ids": ids, "more": 4}).all() == [(id, 5) for id in ids]
                assert connection.execute(text(_KNOWN)).scalar() == 1


def test_prepared_statements_outlive_what_is_rolled_back_and_are_made_anew_on_a_new_connection() -> None:
    with engine().connect() as connection:
        for _ in range(2):
            with connection.begin() as transaction:
                assert ADD.execute(connection, {"ids": [], "more": 1}).all() == []
                transaction.rollback()
        connection.invalidate()
    with engine().connect() as connection, connection.begin():
        assert ADD.execute(connection, {"ids": [], "more": 1}).all() == []


def test_numbers_are_exact() -> None:
    with transaction() as tx:
        found = tx.execute(
            text("SELECT CAST(:values AS numeric[])"), {"values": [Decimal("0.1"), 1] * arrays._MANY}
        ).scalar()
    assert found == [Decimal("0.1"), Decimal(1)] * arrays._MANY
