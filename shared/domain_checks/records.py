"""The records that a domain's owner is asked to publish. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.dkim_keys import character_strings, record_value

#: Names below a sending domain: where bounces go, and where links lead.
RETURN_PATH, TRACKING = "bounces", "links"

DKIM, SPF, DMARC, RETURN, TRACK = "dkim", "spf", "dmarc", "return_path", "tracking"
PURPOSES = (DKIM, SPF, DMARC, RETURN, TRACK)


@dataclass(frozen=True)
class Install:
    """This install's own names and addresses, which customers' records point to."""

    spf_include: str
    return_path_host: str
    tracking_host: str
    sending_ips: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """A DKIM key as far as the DNS knows it; `status` as in `dkim_keys`."""

    id: UUID
    selector: str
    algorithm: str
    public_key: str
    status: str


@dataclass(frozen=True)
class Expected:
    """A record to publish: `host` is relative to `domain`, `@` the domain itself."""

    domain: str
    purpose: str
    type: str
    host: str
    value: str
    required: bool
    key: Key | None = None

    @property
    def name(self) -> str:
        """The full name, without a final dot."""
        return self.domain if self.host == "@" else f"{self.host}.{self.domain}"

    @property
    def values(self) -> list[str]:
        """The value as the strings of one TXT record, each at most 255 octets (RFC 1035 §3.3)."""
        return character_strings(self.value) if self.type == "TXT" else [self.value]


def expected_records(domain: str, keys: Sequence[Key], install: Install) -> list[Expected]:
    """What `domain` should have in the DNS; what is required first."""
    signing = {key.algorithm for key in keys if key.status == "active"}
    records = [
        Expected(
            domain,
            DKIM,
            "TXT",
            f"{key.selector}._domainkey",
            record_value(key.algorithm, key.public_key),
            # a new key is no condition while another signs
            key.status == "active" or (key.status == "pending" and key.algorithm not in signing),
            key,
        )
        for key in keys
    ]
    return [
        *records,
        Expected(domain, SPF, "TXT", "@", f"v=spf1 include:{install.spf_include} ~all", False),
        Expected(domain, DMARC, "TXT", "_dmarc", "v=DMARC1; p=none", False),
        Expected(domain, RETURN, "CNAME", RETURN_PATH, install.return_path_host, False),
        Expected(domain, TRACK, "CNAME", TRACKING, install.tracking_host, False),
    ]
