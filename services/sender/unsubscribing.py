"""The ways out that an email names: the headers of one click, and the link in its body."""

from __future__ import annotations

from collections.abc import Iterable

#: What a mail program's own button needs; who sends bulk mail can't set these themselves.
_HEADERS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})

Header = tuple[str, str]


def one_click(url: str) -> list[Header]:
    """The headers of RFC 8058: a POST to `url`, which must be https for that, unsubscribes at once."""
    return [("List-Unsubscribe", f"<{url}>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]


def with_one_click(headers: Iterable[Header], url: str) -> list[Header]:
    """`headers` with those of one click in place of any that were there: each occurs once (RFC 8058 §3.1)."""
    return [*(item for item in headers if item[0].lower() not in _HEADERS), *one_click(url)]
