"""Whom a campaign reaches: lists, segments, tags and exclusions → one statement over contacts."""

from shared.audience.audience import Audience, count, page, recipients_of

__all__ = ["Audience", "count", "page", "recipients_of"]
