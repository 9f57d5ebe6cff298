"""A message on its way to the wire: its headers, which signatures cover one by one, and its body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.sender.dkim import Signer, body_hash
from services.sender.pieces import Piece, Stream, blocks, merged


class Message(NamedTuple):
    """`headers` are folded, each without its final line end; `body` has CRLF line ends and ends in one."""

    headers: list[str]
    body: Sequence[Piece]

    def signed(self, signers: Sequence[Signer], signed_at: int) -> Message:
        """The message under a signature of each signer, the first one's on top.

        Args:
            signers: none leaves the message as it is.
            signed_at: Unix seconds.
        """
        if not signers:
            return self
        digest = body_hash(blocks(self.body))
        signatures = [signer.header(self.headers, digest, signed_at) for signer in signers]
        return self._replace(headers=signatures + self.headers)

    def stream(self) -> Stream:
        """What goes over the wire, but for dot-stuffing."""
        return Stream(merged(["\r\n".join(self.headers).encode() + b"\r\n\r\n", *self.body]))
