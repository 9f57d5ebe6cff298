"""What may be attached, and which pointer says what may not."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from services.gateway import attachment_rules as rules
from services.gateway.intents import Attachment
from services.gateway.schemas.send import SendSchema
from shared.errors import ApiError
from shared.pointers import faults
from shared.settings import settings as config

EMAIL = {"from": "hello@example.com", "to": "ada@example.net", "subject": "Hello", "text": "Hi"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def zipped(*names: str, comment: bytes = b"") -> bytes:
    """A ZIP with files of these names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for name in names:
            archive.writestr(name, name)
    return buffer.getvalue()


def attached(*items: Any) -> tuple[Attachment, ...]:
    """The attachments of an email that has these."""
    found: tuple[Attachment, ...] = SendSchema().load({**EMAIL, "attachments": list(items)}).attachments
    return found


def refused(*items: Any) -> dict[str, str]:
    """Pointer → what is wrong with an email that has these attachments."""
    with pytest.raises(ValidationError) as caught:
        attached(*items)
    return {fault.pointer: fault.detail for fault in faults(caught.value.messages)}


def file(name: str = "a.txt", data: bytes = b"x", **fields: Any) -> dict[str, Any]:
    return {"filename": name, "content": b64(data), **fields}


def test_a_file_is_decoded_and_its_type_follows_from_its_name() -> None:
    assert attached(file("a.pdf", b"\0\xff")) == (Attachment("a.pdf", "application/pdf", None, b"\0\xff"),)
    for name in ("a", "a.unknown", "mail.eml", "a.tar.gz"):
        assert attached(file(name))[0].content_type == "application/octet-stream"
    assert attached(file(content_type="text/calendar; method=REQUEST", content_id="a@b"))[0] == Attachment(
        "a.txt", "text/calendar; method=REQUEST", "a@b", b"x"
    )
    assert attached(file(data=b""))[0].data == b""


@pytest.mark.parametrize(
    "name", ["Ünïcode 日本.pdf", "a b.pdf", '"quoted".pdf', "exe", "x" * 255, ".profile"]
)
def test_file_name_is_accepted(name: str) -> None:
    assert rules.name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "..", "x" * 256, "a/b.txt", "..\\b.txt", "a\r\nb", "a\0b", "a\u2028b", "fdp\u202eexe.pdf"),
        *(f"a.{ending}" for ending in sorted(rules.EXECUTABLE)),
        *("A.EXE", "a.pdf.exe", "a.exe.", "a.exe ", "a.exe . .", ".bat"),
    ],
)
def test_file_name_is_refused(name: str) -> None:
    assert rules.name_fault(name)
    assert set(refused(file(name))) == {"/attachments/0/filename"}


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "pdf", "application/", "text/plain\r\nX: y", "text/plain; charset", "multipart/mixed"),
        *("message/rfc822", "a/b; name=x.exe", "a/b; NAME*=x", "a/b; boundary=x", "a/ü", "a/" + "b" * 300),
    ],
)
def test_content_type_is_refused(content_type: str) -> None:
    assert set(refused(file(content_type=content_type))) == {"/attachments/0/content_type"}


@pytest.mark.parametrize("cid", ["", "<a>", "a b", "a\r\nb", "ü", "x" * 129])
def test_content_id_is_refused(cid: str) -> None:
    assert set(refused(file(content_id=cid))) == {"/attachments/0/content_id"}


def test_content_id_is_refused_when_it_is_given_twice() -> None:
    found = refused(file(content_id="a"), file(content_id="b"), file(content_id="a"), file(), file())
    assert set(found) == {"/attachments/2/content_id"}


@pytest.mark.parametrize(
    "content",
    ["x", "eA", "eA=", "eA==\n", "eA ==", "e-_=", "data:text/plain;base64,eA==", "eA==eA==", "é===", 5, None],
)
def test_content_is_refused_when_it_is_not_base64(content: object) -> None:
    assert set(refused({"filename": "a.txt", "content": content})) == {"/attachments/0/content"}


@pytest.mark.parametrize("field", ["path", "url", "href"])
def test_a_remote_file_is_refused_with_the_reason(field: str) -> None:
    found = refused({"filename": "a.txt", field: "http://169.254.169.254/"})
    assert set(found) == {f"/attachments/0/{field}"}
    assert "not fetched" in found[f"/attachments/0/{field}"]


@pytest.mark.parametrize(
    "items", [{"filename": "a"}, "x", [["x"]], [{"filename": "a.txt"}], [{**file(), "size": 1}]]
)
def test_what_is_no_attachment_is_refused(items: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        SendSchema().load({**EMAIL, "attachments": items})
    assert all(fault.pointer.startswith("/attachments") for fault in faults(caught.value.messages))


def test_too_many_attachments_are_refused() -> None:
    assert set(refused(*[file()] * 51)) == {"/attachments"}


def test_attachments_too_large_together_are_413_and_none_is_decoded() -> None:
    half = "A" * (config().max_attachment_bytes // 2 // 3 * 4)
    with pytest.raises(ApiError) as caught:
        attached(*[{"filename": "a.txt", "content": half}] * 2, {"filename": "a.txt", "content": "AAAAAAAA"})
    assert (caught.value.status, caught.value.code) == (413, "attachments_too_large")
    assert [fault.pointer for fault in caught.value.errors] == ["/attachments"]


def test_exactly_as_much_as_is_allowed_is_accepted() -> None:
    most = config().max_attachment_bytes
    assert len(attached(file(data=bytes(most)))[0].data) == most
    with pytest.raises(ApiError):
        attached(file(data=bytes(most + 1)))


@pytest.mark.parametrize("name", ["a.zip", "a.docx", "a"])
def test_a_zip_is_refused_when_it_holds_a_program(name: str) -> None:
    assert attached(file(name, zipped("b.txt", "dir/c.pdf")))
    for inside in ("b.exe", "dir/B.EXE", "dir/c.scr ", "ü.js"):
        assert set(refused(file(name, zipped("ok.txt", inside)))) == {"/attachments/0/content"}
        assert set(refused(file(name, b"prefix" + zipped(inside, comment=b"x" * 99)))) == {
            "/attachments/0/content"
        }


def test_a_zip_is_refused_when_it_can_not_be_read() -> None:
    good = zipped("b.txt")
    for data in (b"not a zip", good[:-30], good.replace(b"PK\x01\x02", b"PK\x09\x09")):
        assert set(refused(file("a.zip", data))) == {"/attachments/0/content"}
    assert rules.data_fault("a.zip", zipped("a") + b"PK\x01\x02" * 10_001 + zipped("a"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_zip_is_judged_and_never_an_error(at: int, damage: bytes) -> None:
    data = bytearray(zipped("a.txt", "b.exe", "c.txt"))
    data[at : at + len(damage)] = damage
    fault = rules.data_fault("a.zip", bytes(data))
    assert fault is None or "ZIP file" in fault
