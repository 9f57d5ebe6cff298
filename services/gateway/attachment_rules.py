"""What an attachment may be called, of which type, and what it may hold. Pure.

Refuses programs: mail systems drop such messages, and nobody should be sent one. By the name's end, as those
who receive it do, and by the names inside ZIP files: encrypted ones show theirs too, but a ZIP inside a ZIP
is not opened.
"""

from __future__ import annotations

import io
import mimetypes
import re
import zipfile

from shared.addresses import has_controls

MAX_ATTACHMENTS = 50
MAX_FILENAME = 255
#: Most files in a ZIP whose names are looked at; one with more is refused.
MAX_ZIPPED = 10_000

#: Endings that a system runs when its reader opens the file.
EXECUTABLE = frozenset(
    {
        *("ade", "adp", "bat", "chm", "cmd", "com", "cpl", "exe", "hta", "ins", "isp", "jar", "js", "jse"),
        *("lib", "lnk", "mde", "msc", "msi", "msp", "mst", "pif", "ps1", "reg", "scr", "sct", "shb", "sys"),
        *("vb", "vbe", "vbs", "vxd", "wsc", "wsf", "wsh"),
    }
)

#: RFC 2045 §5.1, and parameters, which calendars and texts need.
_WORD = r"[A-Za-z0-9!#$&^_.+-]{1,80}"
_TYPE = re.compile(rf"(?P<main>{_WORD})/{_WORD}(?P<parameters>(\s*;\s*{_WORD}=({_WORD}|\"[ !#-\[\]-~]*\"))*)")
_LONGEST_TYPE = 200
#: Parameters that would say again, and otherwise, what other fields say.
_RESERVED_PARAMETER = re.compile(r";\s*(name|boundary)\s*[*=]", re.IGNORECASE)
_CID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,128}")
#: Characters that show a name in another order than it has, so that its end looks like another.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ZIPPED_NAME = b"PK\x01\x02"  # begins each entry of a ZIP's directory
_KNOWN_TYPES = mimetypes.MimeTypes()
_ANY = "application/octet-stream"


def name_fault(name: str) -> str | None:
    """Why a file can't be called `name`; `None` if it can."""
    if has_controls(name) or _REORDERING.search(name):
        return "A file name can't contain control characters."
    if not name.strip(" .") or len(name) > MAX_FILENAME:
        return f"A file name has 1 to {MAX_FILENAME} characters."
    if "/" in name or "\\" in name:
        return "A file name can't contain / or \\: give the name alone, without folders."
    return program_fault(name)


def program_fault(name: str) -> str | None:
    """Why a file called `name` is taken for a program; `None` if it is none."""
    ending = _executable(name)
    return f"Files that end in .{ending} are programs and are not sent." if ending else None


def type_fault(content_type: str) -> str | None:
    """Why a file can't be of `content_type`; `None` if it can."""
    found = _TYPE.fullmatch(content_type)
    if not found or len(content_type) > _LONGEST_TYPE:
        return "Not a media type such as application/pdf."
    if found["main"].lower() in ("multipart", "message"):
        return f"A part of type {found['main']}/… can't be base64; give {_ANY}."
    if _RESERVED_PARAMETER.search(found["parameters"]):
        return "The parameters name and boundary can't be given; a file's name is its filename."
    return None


def cid_fault(cid: str) -> str | None:
    """Why a Content-ID can't be `cid`; `None` if it can."""
    if _CID.fullmatch(cid):
        return None
    return "A content_id has 1 to 128 ASCII letters, digits and . @ _ - +, without < > and spaces."


def data_fault(name: str, data: bytes) -> str | None:
    """Why a file called `name` can't hold `data`; `None` if it can."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "Not a ZIP file." if name.lower().endswith(".zip") else None
    if data.count(_ZIPPED_NAME) > MAX_ZIPPED:
        return f"A ZIP file has at most {MAX_ZIPPED} files."
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:
        return "A ZIP file whose directory can't be read."
    for inside in names:
        ending = _executable(inside)
        if ending:
            return f"The ZIP file holds a program (.{ending}); programs are not sent."
    return None


def type_of(name: str) -> str:
    """The media type that a file's name suggests."""
    guessed, encoding = _KNOWN_TYPES.guess_type(name)
    return guessed if guessed and not encoding and not type_fault(guessed) else _ANY


def _executable(name: str) -> str | None:
    """The ending that makes `name` a program's; `None` if none does."""
    # Windows does not see dots and spaces at the end
    ending = name.rstrip(" .").rpartition(".")[2].strip().lower()
    return ending if ending in EXECUTABLE and "." in name else None
