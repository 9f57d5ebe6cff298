"""DKIM signatures (RFC 6376, RFC 8463): relaxed headers, simple body.

Signed are the headers that a reader or a receiver acts on, each once more than it occurs ("oversigned"), so
that none can be added on the way. The RSA itself is `cryptography`'s, which frees the GIL while it signs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.dkim_keys import PrivateKey

#: In this order in h=; RFC 6376 §5.4.1 and what Gmail and Yahoo ask of bulk senders (RFC 8058 §4).
SIGNED = (
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id",
)  # fmt: skip

_SPACES = re.compile(r"[ \t]+")
_LINE = 72


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
        present = [(line.partition(":")[0].strip().lower(), line) for line in headers]
        names, canonical = _chosen(present)
        unsigned = _folded(
            [
                f"v=1; a={self._algorithm}; c=relaxed/simple; d={self.domain}; s={self.selector};",
                f"t={signed_at};",
                f"h={':'.join(names)};",
                f"bh={body_hash};",
                "b=",
            ]
        )
        data = "".join(f"{line}\r\n" for line in canonical) + _relaxed(unsigned)
        signature = base64.b64encode(self._sign(data.encode())).decode()
        return unsigned + "\r\n ".join(_slices(signature))

    @property
    def _algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), hashes.SHA256())
        return self.key.sign(hashlib.sha256(data).digest())  # RFC 8463 §3: Ed25519 over the SHA-256


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


def _chosen(present: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The names for h= and the canonical lines that they stand for, last occurrence first (§5.4.2)."""
    names: list[str] = []
    lines: list[str] = []
    for name in SIGNED:
        occurring = [line for found, line in present if found == name]
        lines += [_relaxed(line) for line in reversed(occurring)]
        names += [name] * (len(occurring) + 1)
    return names, lines


def _relaxed(line: str) -> str:
    """One header in relaxed form (§3.4.2), without a line end."""
    name, _, value = line.replace("\r\n", "").partition(":")
    return f"{name.strip().lower()}:{_SPACES.sub(' ', value).strip(' ')}"


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
