"""The files in a whole message: the rule of the API about programs, for messages that come by SMTP. Pure.

By the names of its parts, and by those inside ZIP files. What is encrypted is not looked into.
"""

from __future__ import annotations

import base64

from services.gateway.attachment_rules import data_fault, program_fault
from services.gateway.raw_message import decoded
from shared.mime_tree import Part, filename, split, tree


def fault(data: bytes) -> str | None:
    """Why the files of the message `data` can't be sent; `None` if they can, or there are none."""
    fields, start = split(data)
    for part in tree(fields, data, start).walk():
        name = filename(part)
        if name is None or part.children:
            continue
        name = decoded(name)
        found = program_fault(name) or _inside(part, name, data)
        if found:
            return found
    return None


def _inside(part: Part, name: str, data: bytes) -> str | None:
    content = data[slice(*part.body)]
    if part.encoding == "base64":
        try:
            content = base64.b64decode(content)
        except ValueError:  # nobody else can read it either
            return None
    return data_fault(name, content)
