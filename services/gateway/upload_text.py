"""An uploaded file's bytes → its text as UTF-8: which encoding it has, and whether it is text at all. Pure.

Knows UTF-8 and UTF-16 with and without byte order mark, and Windows-1252 for whatever else; lines end in LF,
CRLF or, as old programs wrote, CR. Refuses what begins like no text: workbooks, archives, documents.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 256 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: How files begin that are taken for CSV by mistake, and what they are.
_OTHERS = (
    (b"PK\x03\x04", "a workbook or an archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


class NotText(ValueError):
    """The file is no CSV; the message says why, for a person."""


def utf8_of(file: BinaryIO) -> Iterator[bytes]:
    """The text of `file` as UTF-8, without byte order mark, lines ended by LF or CRLF.

    Raises:
        NotText: it is empty, or something else than text.
    """
    encoding, begin = _encoding(file)
    file.seek(begin)
    old = _ends_lines_with_cr(file, begin)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    file.seek(begin)
    while block := file.read(_BLOCK):
        text = decoder.decode(block)
        yield (text.replace("\r", "\n") if old else text).encode()
    yield decoder.decode(b"", True).encode()


def _encoding(file: BinaryIO) -> tuple[str, int]:
    """The encoding, and how many bytes its mark has."""
    file.seek(0)
    head = file.read(_BLOCK)
    if not head.strip():
        raise NotText("The file is empty.")
    for begins, what in _OTHERS:
        if head.lstrip().startswith(begins):
            raise NotText(f"The file is {what}, not CSV. Save it as CSV and try again.")
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    return _wide(head[:2000]) or ("utf-8" if _is_utf8(file) else "cp1252"), 0


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly every other byte of Western text is zero then."""
    half = len(head) // 2
    if half and head[1::2].count(0) > half * 0.7:
        return "utf-16-le"
    if half and head[0::2].count(0) > half * 0.7:
        return "utf-16-be"
    return None


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _ends_lines_with_cr(file: BinaryIO, begin: int) -> bool:
    """Whether lines end in CR alone: judged by the beginning, where a header must be."""
    head = file.read(_BLOCK)
    return b"\n" not in head and b"\r" in head
