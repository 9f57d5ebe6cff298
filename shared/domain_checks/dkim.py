"""Whether a DKIM key stands in the DNS as it should (RFC 6376 §3.6)."""

from __future__ import annotations

import re

from shared.domain_checks.answers import Ask
from shared.domain_checks.findings import MISMATCH, VERIFIED, Judged, inconclusive, shown, wrong
from shared.domain_checks.misplaced import missing
from shared.domain_checks.records import Expected

_SPACE = re.compile(r"\s+")
_QUOTING = re.compile(r'["\'\\]')
_AS_SHOWN = "Publish the value exactly as it is shown, as one TXT record; `values` has it in pieces of 255."


def judge_dkim(ask: Ask, wanted: Expected) -> Judged:
    """Looks for the key's record at its selector."""
    assert wanted.key, "a DKIM record is of a key"
    answer = ask(wanted.name, "TXT")
    if answer.inconclusive:
        return inconclusive(wanted.name)
    key = wanted.key.public_key
    if not answer.values:
        return missing(
            ask,
            wanted.name,
            "TXT",
            wanted.domain,
            elsewhere=(
                wanted.domain,
                f"_domainkey.{wanted.domain}",
                f"{wanted.key.selector}.{wanted.domain}",
            ),
            known=lambda value: key[:64] in _bare(value),
        )
    if len(answer.values) > 1:
        return wrong(
            MISMATCH,
            answer.values,
            "several_records",
            f"There are {len(answer.values)} TXT records at {wanted.name}; which one counts is undefined.",
            "Keep one. A long value is one record of several strings, not several records.",
        )
    return _judge_value(wanted, key, answer.values[0])


def _judge_value(wanted: Expected, key: str, value: str) -> Judged:
    tags = tags_of(value) or {}
    right = _SPACE.sub("", tags.get("p", "")) == key
    if right and _for_us(tags, wanted):
        return Judged(VERIFIED, shown([value]))
    if key in _bare(value):
        return _wrong_tags(value) if right and not _QUOTING.search(value) else _quoted(value)
    given = _bare(tags.get("p", ""))
    if len(given) >= 64 and key.startswith(given):
        return wrong(
            MISMATCH,
            [value],
            "truncated",
            f"The value ends after {len(given)} of {len(key)} characters.",
            _AS_SHOWN,
        )
    if tags.get("p") == "":
        return wrong(MISMATCH, [value], "key_revoked", "An empty p= says that the key is revoked.", _AS_SHOWN)
    return wrong(MISMATCH, [value], "key_mismatch", "The record holds another key than ours.", _AS_SHOWN)


def _wrong_tags(value: str) -> Judged:
    detail = "The key is right, but its other tags (v, k, h or s) don't let our signatures count."
    return wrong(MISMATCH, [value], "wrong_tags", detail, _AS_SHOWN)


def _quoted(value: str) -> Judged:
    detail = "The key is there, among quotes, backslashes or other characters that are not part of the value."
    return wrong(MISMATCH, [value], "broken_quoting", detail, f"Remove them. {_AS_SHOWN}")


def _for_us(tags: dict[str, str], wanted: Expected) -> bool:
    kind = "ed25519" if "k=ed25519" in wanted.value else "rsa"
    return (
        tags.get("v", "DKIM1") == "DKIM1"
        and tags.get("k", "rsa") == kind
        and "sha256" in tags.get("h", "sha256").split(":")
        and {"*", "email"} & set(tags.get("s", "*").split(":")) != set()
    )


def tags_of(value: str) -> dict[str, str] | None:
    """A tag list (RFC 6376 §3.2); None if it is none."""
    tags: dict[str, str] = {}
    for part in filter(str.strip, value.split(";")):
        name, equals, content = part.partition("=")
        if not equals or not name.strip() or name.strip() in tags:
            return None
        tags[name.strip()] = content.strip()
    return tags


def _bare(value: str) -> str:
    return re.sub(r'[\s"\'\\]+', "", value)
