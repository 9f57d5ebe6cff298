"""DKIM signatures (RFC 6376, RFC 8463): relaxed headers, simple body.

Signed are the headers that a reader or a receiver acts on, each once more than it occurs ("oversigned"), so
that none can be added on the way. The RSA itself is `cryptography`'s, which frees the GIL while it signs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.dkim_keys import PrivateKey

#: In this order in h=; RFC 6376 §5.4.1 and what Gmail and Yahoo ask of bulk senders (RFC 8058 §4).
SIGNED = (
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id",
    "precedence",
)  # fmt: skip

_SPACES = re.compile(r"[ \t]+")
_LINE = 72


class Begun(NamedTuple):
    """A signature's header up to bh=: as it is sent, folded, and in relaxed form."""

    wire: str
    relaxed: str


@dataclass(frozen=True)
class Signer:
    """A domain's key: who signs (d=), under which selector (s=), with what."""

    domain: str
    selector: str
    key: PrivateKey

    def header(self, headers: Sequence[str], body_hash: str, signed_at: int) -> str:
        """The whole `DKIM-Signature` header, folded, without its final line end.

        Args:
            headers: the message's headers, each folded as it will be sent, without its final line end.
            body_hash: of `body_hash`.
            signed_at: Unix seconds (t=).
        """
        chosen, begun = self.begin(headers, signed_at)
        return self.end(begun, [relaxed(headers[index]) for index in chosen], body_hash)

    def begin(self, headers: Sequence[str], signed_at: int) -> tuple[Sequence[int], Begun]:
        """What signatures of messages with headers of these names share: which of them are signed, in order,
        and how the signature's header begins.
        """
        chosen, listed = _chosen(tuple([line.partition(":")[0] for line in headers]))
        return chosen, _tags(self._algorithm, self.domain, self.selector, signed_at, listed)

    def end(self, begun: Begun, canonical: Sequence[str], body_hash: str) -> str:
        """`header` out of what is signed, in relaxed form."""
        signed = "\r\n".join([*canonical, f"{begun.relaxed} bh={body_hash}; b="])
        signature = base64.b64encode(self._sign(signed.encode())).decode()
        return f"{begun.wire} bh={body_hash};\r\n b=" + "\r\n ".join(_slices(signature))

    @cached_property
    def _algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    @cached_property
    def _sign(self) -> Callable[[bytes], bytes]:
        key = self.key
        if isinstance(key, RSAPrivateKey):
            padding, digest = PKCS1v15(), hashes.SHA256()
            return lambda data: key.sign(data, padding, digest)
        return lambda data: key.sign(hashlib.sha256(data).digest())  # RFC 8463 §3: Ed25519 over the SHA-256


def body_hash(chunks: Iterable[bytes]) -> str:
    """SHA-256 of the body in simple canonical form (RFC 6376 §3.4.3), as it stands in bh=.

    Empty lines at the end count as one; an empty body is one empty line.
    """
    digest = hashlib.sha256()
    held = b""  # line ends that may turn out to be the last ones
    for chunk in chunks:
        joined = held + chunk
        content = joined.rstrip(b"\r\n")
        digest.update(content)
        held = joined[len(content) :]
    digest.update(b"\r\n")
    return base64.b64encode(digest.digest()).decode()


@lru_cache(maxsize=256)
def _chosen(names: tuple[str, ...]) -> tuple[list[int], str]:
    """Which of the headers called `names` are signed, last occurrence first (§5.4.2), and what h= says."""
    lowered = [name.strip().lower() for name in names]
    chosen: list[int] = []
    listed: list[str] = []
    for name in SIGNED:
        occurring = [index for index, found in enumerate(lowered) if found == name]
        chosen += reversed(occurring)
        listed += [name] * (len(occurring) + 1)
    return chosen, ":".join(listed)


@lru_cache(maxsize=256)
def _tags(algorithm: str, domain: str, selector: str, signed_at: int, listed: str) -> Begun:
    tags = [
        f"v=1; a={algorithm}; c=relaxed/simple; d={domain}; s={selector};",
        f"t={signed_at};",
        f"h={listed};",
    ]
    begun = _folded(tags)
    return Begun(f"{begun}\r\n", relaxed(begun))


def relaxed(line: str) -> str:
    """One header in relaxed form (§3.4.2), without a line end."""
    name, _, value = line.replace("\r\n", "").partition(":")
    if "\t" in value or "  " in value:
        value = _SPACES.sub(" ", value)
    return f"{name.strip().lower()}:{value.strip(' ')}"


def _folded(tags: list[str]) -> str:
    lines = ["DKIM-Signature: " + tags[0]]
    for tag in tags[1:]:
        while len(tag) > _LINE and ":" in tag[:_LINE]:
            cut = tag.rindex(":", 0, _LINE) + 1
            lines.append(f" {tag[:cut]}")
            tag = tag[cut:]  # noqa: PLW2901 - what is left of it
        lines.append(f" {tag}")
    return "\r\n".join(lines)


def _slices(signature: str) -> list[str]:
    return [signature[start : start + _LINE] for start in range(0, len(signature), _LINE)]
