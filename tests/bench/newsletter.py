"""The campaign that benchmarks send: 5 KB of HTML and text, personal, with five links."""

from __future__ import annotations

from typing import Any

_PARAGRAPH = (
    '<p style="margin:0 0 16px;font:16px/1.5 Arial,sans-serif;color:#222">Dear {{first_name|reader}}, '
    "the plan you are on is {{metadata.plan}}. Here is what is new since we wrote to you last, and what "
    'comes next; <a href="https://example.com/news/article-%d?from=newsletter">read on</a>.</p>\n'
)
_FILLER = "<p>Nothing here is personal: it is as long as such paragraphs are, and the same for all.</p>\n"


def newsletter(sender: str, list_id: str) -> dict[str, Any]:
    """The body of `POST /api/campaigns`."""
    linked = "".join(_PARAGRAPH % number for number in range(5))
    html = f"<html><body>\n<h1>News for {{{{first_name|you}}}}</h1>\n{linked}"
    html += _FILLER * ((5 * 1024 - len(html)) // len(_FILLER))
    html += '<p><a href="{{unsubscribe_url}}">Unsubscribe</a></p>\n</body></html>\n'
    return {
        "name": "Benchmark",
        "subject": "News for {{first_name|you}}",
        "from_email": sender,
        "from_name": "Bench",
        "list_id": list_id,
        "content_html": html,
        "content_text": "Dear {{first_name|reader}},\n\nhttps://example.com/news\n\n{{unsubscribe_url}}\n",
    }
