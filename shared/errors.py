"""The one JSON error body of every HTTP service, and the exception that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One field at fault: its JSON pointer (RFC 6901) and what is wrong with it."""

    pointer: str
    detail: str


@dataclass
class ApiError(Exception):
    """A refusal with its HTTP status, its stable code and a sentence for a person."""

    status: int
    code: str
    error: str
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str | None) -> dict[str, Any]:
        """`{"error", "code", "errors": [{"pointer", "detail"}], "request_id"}`."""
        return {
            "error": self.error,
            "code": self.code,
            "errors": [{"pointer": item.pointer, "detail": item.detail} for item in self.errors],
            "request_id": request_id,
        }
