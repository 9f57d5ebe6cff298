"""What the messages of a campaign share, compiled from its first: their headers as they are sent and signed.

A message out of it is to the octet what `render` and `Message.signed` make of the same job. A chunk's are
drafted first and signed then, each step for many at a time: what a processor does over and over it does in
half the time of what it does in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.sender import headers
from services.sender.dkim import Begun, Signer, body_hash, relaxed
from services.sender.jobs import Job
from services.sender.pieces import blocks
from services.sender.render import body_part, render, subject, unsubscribe_ways


class Draft(NamedTuple):
    """A message that lacks its signatures: what is signed is ready, in relaxed form."""

    lines: list[str]
    body: bytes
    body_hash: str
    unsigned: Sequence[tuple[Signer, Begun, list[str]]]

    def signed(self) -> bytes:
        """The whole message, the first signer's signature on top."""
        signatures = [signer.end(begun, lines, self.body_hash) for signer, begun, lines in self.unsigned]
        return "\r\n".join([*signatures, *self.lines, "", ""]).encode() + self.body


class _Own(NamedTuple):
    """What of a message is its own: header lines, in the order of the message, and the body."""

    lines: list[str]
    body: bytes


class Skeleton:
    """The headers that alike messages share, with a place for each that is a message's own."""

    def __init__(self, job: Job) -> None:
        """`job`: any of those that share it, to one recipient (`to`) and without attachments.

        Raises:
            headers.HeaderInjection, templates.TemplateError: as `render`.
        """
        self._of = job
        self._lines = render(job, {}).headers
        names = [_name(line) for line in self._lines]
        self._places = [names.index(_name(line)) for line in _own(job).lines]
        signed_at = int(job.wanted_at.timestamp())
        self._signing = [self._signed_by(signer, signed_at) for signer in job.signers]

    def _signed_by(self, signer: Signer, signed_at: int) -> tuple[Signer, Begun, list[str], list[int]]:
        """A signer, how its header begins, what it signs, and where in that the message's own lines stand."""
        chosen, begun = signer.begin(self._lines, signed_at)
        return (
            signer,
            begun,
            [relaxed(self._lines[index]) for index in chosen],
            [chosen.index(place) for place in self._places],
        )

    def fits(self, job: Job) -> bool:
        """Whether a message to one recipient (`to`), without attachments, shares it."""
        of = self._of
        return (
            job.content is of.content
            and job.campaign_id == of.campaign_id
            and job.wanted_at == of.wanted_at
            and job.signers is of.signers
            and job.sender[1] == of.sender[1]
            and job.reply_to == of.reply_to
            and job.headers == of.headers
            and job.return_path == of.return_path
            and (job.variables is None) == (of.variables is None)
            and (job.reader is None) == (of.reader is None)
        )

    def draft(self, job: Job) -> Draft:
        """The message for `job`, which fits.

        Raises:
            headers.HeaderInjection, templates.TemplateError: as `render`.
        """
        own = _own(job)
        lines = _filled(self._lines, self._places, own.lines)
        canonical = [relaxed(line) for line in own.lines]
        unsigned = [
            (signer, begun, _filled(shared, places, canonical))
            for signer, begun, shared, places in self._signing
        ]
        return Draft(lines, own.body, body_hash((own.body,)) if unsigned else "", unsigned)


def _own(job: Job) -> _Own:
    url = job.unsubscribe_url()
    values = job.values(url)
    part_head, pieces = body_part(job, values, {})
    (to,) = job.recipients
    lines = [
        headers.address_field("From", (job.sender,)),
        headers.address_field("To", ((to.name, to.address),)),
        headers.field("Subject", subject(job, values)),
        f"Message-ID: {job.message_id}",
    ]
    if url is not None:
        lines.append(headers.field("List-Unsubscribe", unsubscribe_ways(job, url)))
    return _Own(lines + part_head, b"".join(blocks(pieces)))


def _filled(shared: list[str], places: list[int], own: list[str]) -> list[str]:
    lines = shared.copy()
    for place, line in zip(places, own, strict=True):
        lines[place] = line
    return lines


def _name(line: str) -> str:
    return line.partition(":")[0]
