"""Files that become base64 on their way out: the right bytes, in bounded memory."""

from __future__ import annotations

import base64
import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.pieces import Base64, Stream, blocks, merged
from services.sender.smtp import stuffed

MEGABYTE = 1024 * 1024
DOTTY = st.binary(max_size=40) | st.text("\r\n.x", max_size=20).map(str.encode)


def expected(data: bytes) -> bytes:
    """The base64 that the standard library makes of a body, with the line ends of the wire."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 57 * 1024 - 1, 57 * 1024, 57 * 1024 + 1, 200_000])
def test_a_file_is_encoded_as_the_standard_library_does_it(size: int) -> None:
    data = bytes(number * 7 % 251 for number in range(size))
    for kind in (bytes, bytearray):
        piece = Base64(kind(data))
        assert b"".join(piece) == expected(data)
        assert len(piece) == len(expected(data))


@given(st.binary(max_size=500))
def test_any_file_comes_back_and_its_length_is_known_before(data: bytes) -> None:
    encoded = b"".join(Base64(data))
    assert base64.b64decode(encoded) == data
    assert len(Base64(data)) == len(encoded)
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))


@given(st.lists(st.binary(max_size=20) | st.binary(max_size=20).map(Base64), max_size=8))
def test_merging_changes_no_byte_and_leaves_no_neighbours(pieces: list[bytes | Base64]) -> None:
    joined = merged(pieces)
    assert b"".join(blocks(joined)) == b"".join(blocks(pieces))
    assert not any(isinstance(a, bytes) and isinstance(b, bytes) for a, b in itertools.pairwise(joined))
    assert len(Stream(joined)) == len(b"".join(Stream(joined)))


@given(DOTTY, st.lists(st.integers(0, 40), max_size=6))
def test_dots_arestuffed_alike_however_a_message_is_cut(raw: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(raw)]
    parts = [raw[start:end] for start, end in itertools.pairwise(edges)]
    whole = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
    assert b"".join(stuffed(parts)) == b"".join(stuffed([raw])) == whole


def test_a_small_message_goes_out_in_one_block_with_its_final_dot() -> None:
    assert list(stuffed(Stream([b"A: b\r\n\r\nHi\r\n"]))) == [b"A: b\r\n\r\nHi\r\n.\r\n"]


def test_reading_a_large_file_takes_little_memory_beside_it() -> None:
    stream = Stream([b"head", Base64(bytes(20 * MEGABYTE)), b"tail"])
    tracemalloc.start()
    try:
        for _ in range(2):
            for block in stuffed(stream):
                assert len(block) < MEGABYTE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEGABYTE
