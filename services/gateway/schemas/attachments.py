"""Attachments of an email to send: names, types and contents, judged and decoded."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load

from services.gateway import attachment_rules as rules
from services.gateway.errors import problem
from services.gateway.intents import Attachment
from shared.errors import FieldError
from shared.settings import settings

#: Where other services take a file from; we fetch nothing.
_REMOTE = ("path", "url", "href")
_REMOTE_WORDS = (
    "Files are not fetched from elsewhere, since a request must not make this server call others: "
    "send the file itself as content, in base64."
)


class Content(fields.String):
    """A file in base64 (RFC 4648 §4): padded, without line breaks or anything else in it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except ValueError:  # binascii.Error is one
            raise ValidationError(
                "Not base64: give the standard alphabet with padding, without line breaks and without data:…"
            ) from None


class AttachmentSchema(Schema):
    """A file that goes with an email."""

    filename = fields.String(
        required=True,
        metadata={"description": "Its name, without folders; any script.", "example": "invoice.pdf"},
    )
    content = Content(
        required=True,
        metadata={"description": "The file in base64.", "format": "byte", "example": "SGVsbG8="},
    )
    content_type = fields.String(
        load_default=None,
        metadata={
            "description": "Its media type; by default what its name suggests.",
            "example": "application/pdf",
        },
    )
    content_id = fields.String(
        load_default=None,
        metadata={
            "description": "Makes it an inline image, which the HTML shows by `cid:` and this name.",
            "example": "logo",
        },
    )

    @pre_load
    def _not_remote(self, given: Any, **_: Any) -> Any:
        if isinstance(given, Mapping):
            remote = {name: [_REMOTE_WORDS] for name in _REMOTE if name in given}
            if remote:
                raise ValidationError(remote)
        return given

    @post_load
    def _attachment(self, data: dict[str, Any], **_: Any) -> Attachment:
        name, content_type, cid = data["filename"], data["content_type"], data["content_id"]
        found = {
            "filename": rules.name_fault(name),
            "content_type": rules.type_fault(content_type) if content_type is not None else None,
            "content_id": rules.cid_fault(cid) if cid is not None else None,
            "content": rules.data_fault(name, data["content"]),
        }
        wrong = {field: [fault] for field, fault in found.items() if fault}
        if wrong:
            raise ValidationError(wrong)
        return Attachment(name, content_type or rules.type_of(name), cid, data["content"])


class Attachments(fields.List[Any]):
    """The attachments of one email; 413 when they are too large together, before any is decoded."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            if len(value) > rules.MAX_ATTACHMENTS:
                raise ValidationError(f"At most {rules.MAX_ATTACHMENTS} attachments.")
            _check_size(sum(map(_decoded_size, value)))
        found: list[Any] = super()._deserialize(value, attr, data, **kwargs)
        _check_ids(found)
        return found


def _check_size(size: int) -> None:
    most = settings().max_attachment_bytes
    if size > most:
        words = f"The attachments have {size} bytes together; at most {most}."
        raise problem("attachments_too_large", words, [FieldError("/attachments", words)])


def _decoded_size(item: Any) -> int:
    content = item.get("content") if isinstance(item, Mapping) else None
    return len(content) // 4 * 3 - content.count("=", -2) if isinstance(content, str) else 0


def _check_ids(found: list[Attachment]) -> None:
    seen: set[str] = set()
    wrong: dict[int, Any] = {}
    for index, item in enumerate(found):
        if item.cid is not None and item.cid in seen:
            wrong[index] = {"content_id": ["Another attachment has this content_id."]}
        seen.add(item.cid or "")
    if wrong:
        raise ValidationError(wrong)
