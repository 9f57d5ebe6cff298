"""Files of contacts, read: rows can be resumed anywhere, and addresses are judged as everywhere else."""

from __future__ import annotations

import csv
import io
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.addresses import AddressError, address_key, parse_address
from shared.contact_import.columns import Layout, NotContacts, delimiter_of, layout_of
from shared.contact_import.csv_rows import MAX_ROW, CsvReader
from shared.contact_import.people import Entry, address_of, entry_of

CELLS = st.lists(st.lists(st.text(alphabet='ab",;\n\r\\ é', max_size=6), min_size=1, max_size=4), max_size=8)


def written(rows: list[list[str]]) -> bytes:
    """`rows` as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


def cut(text: bytes, size: int) -> list[bytes]:
    """`text` in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


@given(rows=CELLS, size=st.integers(1, 40))
def test_rows_are_read_whatever_the_pieces_they_come_in(rows: list[list[str]], size: int) -> None:
    text = written(rows)
    reader = CsvReader(cut(text, size), ",")
    assert [row.cells for row in reader] == [row for row in rows if any(cell.strip() for cell in row)]
    assert reader.position == len(text)


@given(rows=CELLS, size=st.integers(1, 40), taken=st.integers(0, 8))
def test_reading_goes_on_where_it_was_left(rows: list[list[str]], size: int, taken: int) -> None:
    text = written(rows)
    reader = CsvReader(cut(text, size), ",")
    first = list(islice(reader, taken))
    rest = CsvReader(cut(text[reader.position :], size), ",", reader.position, reader.line)
    assert first + list(rest) == list(CsvReader([text], ","))


@given(text=st.text(alphabet='ab",\n\r', max_size=60), size=st.integers(1, 9))
@example(text='a,"b\nc,d\n"e","f\ng', size=3)
def test_every_line_is_read_once_whatever_its_quotes(text: str, size: int) -> None:
    raw = text.encode()
    reader = CsvReader(cut(raw, size), ",")
    begins = [row.line for row in reader]
    assert begins == sorted(set(begins))
    assert reader.position == len(raw)


def test_a_line_without_end_is_cut() -> None:
    reader = CsvReader(cut(b"a," + b"x" * (3 * MAX_ROW) + b"\nb@example.com\n", 100_000), ",")
    rows = list(reader)
    assert rows[-1].cells == ["b@example.com"]
    assert all(row.fault for row in rows[:-1])


@given(
    st.one_of(
        st.emails(),
        st.from_regex(r"[A-Za-z0-9_.+\-]{1,66}@[A-Za-z0-9.\-]{1,30}", fullmatch=True),
        st.text(max_size=20),
    )
)
@example("a@localhost")
@example("a..b@example.com")
@example("a@-x.com")
@example("A@EXAMPLE.com")
@example("a@1.2.3.4")
def test_an_address_is_one_here_where_it_is_one_everywhere(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        assert isinstance(address_of(text.strip(" \t")), str)
    else:
        assert address_of(text.strip(" \t")) == (address.email, address_key(address.email))


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("email,first_name,last_name", ["email", "first_name", "last_name"]),
        ("E-MAIL,FirstName,Surname", ["email", "first_name", "last_name"]),
        ("metadata.plan,email,Company Name", ["metadata.plan", "email", "metadata.company_name"]),
        ("email,,email,Plan,plan", ["email", "metadata.email_2", "metadata.plan", "metadata.plan_2"]),
    ],
)
def test_headers_say_what_columns_mean(header: str, fields: list[str]) -> None:
    assert [name for _, name in layout_of(header, ",").fields] == fields


def test_a_separator_within_quotes_separates_nothing() -> None:
    assert delimiter_of('"a,b,c,d";e;f\n') == (";", False)
    assert delimiter_of("sep=|\r\n") == ("|", True)


def test_a_file_without_addresses_is_none() -> None:
    with pytest.raises(NotContacts, match="called email"):
        layout_of("name,city", ",")


def test_a_layout_is_kept_as_json() -> None:
    layout = layout_of("email;plan", ";")
    assert Layout.of(layout.stored()) == layout
    entry = entry_of(1, ["Ada@Example.com ", " pro"], layout)
    assert entry == Entry(1, "Ada@example.com", "ada@example.com", None, None, {"plan": "pro"})
