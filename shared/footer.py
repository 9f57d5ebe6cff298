"""What a campaign's content must show and does not: a way out, and where its sender can be reached by post.
Pure.

Added once, when sending begins and the content is frozen: what is sent is what was stored. The unsubscribe
link is left as a variable, because it is each recipient's own.
"""

from __future__ import annotations

import re
from html import escape

_UNSUBSCRIBE = re.compile(r"\{\{\s*unsubscribe_url\s*(?:\||\}\})")
_END = re.compile(r"</body\s*>|</html\s*>", re.IGNORECASE)
_LINK = "{{unsubscribe_url}}"
_WORDS = "Unsubscribe"
_STYLE = "margin:24px 0 0;font:12px/1.5 sans-serif;color:#666;text-align:center"


def has_way_out(content: str) -> bool:
    """Whether `content` says itself where to unsubscribe."""
    return _UNSUBSCRIBE.search(content) is not None


def with_footer_html(html: str, postal_address: str | None) -> str:
    """`html` with what it lacks of an unsubscribe link and the postal address, at the end of its body."""
    lines = _lacking_address(html, postal_address, markup=True)
    shown = [escape(line).replace("{{", "&#123;&#123;") for line in lines]
    if not has_way_out(html):
        shown.append(f'<a href="{_LINK}" style="color:#666">{_WORDS}</a>')
    if not shown:
        return html
    footer = f'<p style="{_STYLE}">{"<br>".join(shown)}</p>\n'
    end = None
    for end in _END.finditer(html):
        if end[0].lower().startswith("</body"):
            break
    at = end.start() if end else len(html)
    gap = "" if not html[:at] or html[:at].endswith("\n") else "\n"
    return html[:at] + gap + footer + html[at:]


def with_footer_text(text: str, postal_address: str | None) -> str:
    """The same for plain text."""
    lines = [line.replace("{{", "{ {") for line in _lacking_address(text, postal_address, markup=False)]
    if not has_way_out(text):
        lines.append(f"{_WORDS}: {_LINK}")
    if not lines:
        return text
    return text.rstrip("\r\n") + "\n\n-- \n" + "\n".join(lines) + "\n"


def _lacking_address(content: str, postal_address: str | None, *, markup: bool) -> list[str]:
    lines = [line.strip() for line in (postal_address or "").splitlines() if line.strip()]
    shown = [escape(line) if markup else line for line in lines]
    return [] if lines and all(line in content for line in shown) else lines
