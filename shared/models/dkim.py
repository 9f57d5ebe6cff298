"""DKIM keys of domains: private halves encrypted at rest, rotated with overlap."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid

from shared.models.columns import Moment, created_column, id_column, metadata, one_of

DKIM_ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
#: pending: not yet seen in DNS · active: signs · retiring: signs no more, its record must stay · revoked
DKIM_STATUSES = ("pending", "active", "retiring", "revoked")

dkim_keys = Table(
    "dkim_keys",
    metadata,
    id_column(),
    Column("domain_id", Uuid, ForeignKey("domains.id", ondelete="CASCADE"), nullable=False),
    Column("selector", Text, nullable=False),
    Column("algorithm", Text, nullable=False),
    # PKCS#8 DER, encrypted under the master key that `master_key_id` names
    Column("private_key", LargeBinary, nullable=False),
    Column("master_key_id", Text, nullable=False),
    # the p= value of the DNS record (RFC 6376 §3.6.1)
    Column("public_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("activated_at", Moment),
    Column("retired_at", Moment),
    created_column(),
    one_of("algorithm", DKIM_ALGORITHMS),
    one_of("status", DKIM_STATUSES),
    Index("uq_dkim_keys_domain_id_selector", "domain_id", "selector", unique=True),
)
