"""A job's envelope, and its message under its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.sender.jobs import Job, Recipient
from services.sender.message import Message
from services.sender.pieces import Stream
from services.sender.transaction import Envelope
from shared.verp import return_paths


def envelope_of(job: Job, served: Sequence[Recipient]) -> Envelope:
    """From whom to whom; bounces go to the domain's return path once it is verified, else to the sender."""
    address = job.sender[1]
    if job.return_path:
        positions = [item.position for item in served]
        address = return_paths().address(address.rpartition("@")[2], UUID(job.email_id), positions)
    return Envelope(address, tuple((item.position, item.address) for item in served))


def signed(job: Job, message: Message) -> Stream:
    """Signed with the moment that it was wanted at, so that a resend is the same message to the last byte."""
    return message.signed(job.signers, int(job.wanted_at.timestamp())).stream()
