"""Programs among the files of a whole message, however they are named and wrapped."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from services.gateway.raw_attachments import fault


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


def message(filename: str, data: bytes = b"x") -> EmailMessage:
    found = EmailMessage(policy=SMTP)
    found["Subject"] = "Files"
    found.set_content("Hi")
    found.add_attachment(data, maintype="application", subtype="octet-stream", filename=filename)
    return found


@pytest.mark.parametrize("name", ["setup.exe", "SETUP.EXE", "Grüße.scr", "a.pdf.js", f"{'long' * 40}.bat"])
def test_a_program_is_found_by_its_name(name: str) -> None:
    assert "programs" in str(fault(message(name).as_bytes()))
    outer = EmailMessage(policy=SMTP)
    outer.add_attachment(message(name))
    assert "programs" in str(fault(outer.as_bytes()))


@pytest.mark.parametrize(
    "header",
    [
        'Content-Type: application/x; name="a.exe"',
        "Content-Type: application/x; name=a.exe",
        'Content-Disposition: attachment;\r\n filename*0="a.";\r\n filename*1=exe',
        "Content-Disposition: attachment; filename*=utf-8''a%2Eexe",
        'Content-Disposition: attachment; filename="=?utf-8?q?a=2Eexe?="',
    ],
)
def test_a_program_is_found_wherever_its_name_stands(header: str) -> None:
    assert "programs" in str(fault(f"Subject: x\r\n{header}\r\n\r\nMZ\r\n".encode()))


def test_a_program_is_found_in_a_zip_file() -> None:
    assert "program" in str(fault(message("files.zip", zipped("readme.txt", "setup.exe")).as_bytes()))
    assert "program" in str(fault(message("files.bin", zipped("setup.exe")).as_bytes()))
    assert fault(message("files.zip", zipped("readme.txt")).as_bytes()) is None


@pytest.mark.parametrize(
    "raw",
    [
        message("invoice.pdf").as_bytes(),
        b"Subject: no body",
        b"\r\nno headers\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: \xff\r\n\r\nHi\r\n--b--\r\n",
        b"Content-Type: text/plain; name=a.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n?\r\n",
    ],
)
def test_what_holds_no_program_passes(raw: bytes) -> None:
    assert fault(raw) is None
