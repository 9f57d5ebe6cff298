"""Whom a campaign reaches: lists, segments, tags and exclusions → one statement over contacts."""

from shared.audience.audience import Audience, by_index, count, page, recipients_of
from shared.audience.rules import Rule, RulesError, parse_rules
from shared.audience.stored import AudienceGone, read_audience

__all__ = [
    "Audience",
    "AudienceGone",
    "Rule",
    "RulesError",
    "by_index",
    "count",
    "page",
    "parse_rules",
    "read_audience",
    "recipients_of",
]
