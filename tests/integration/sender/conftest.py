"""What the tests of the sender share."""

from __future__ import annotations

from tests.fixtures.postfix import postfix
from tests.fixtures.smtp_client import connect, make_pool

__all__ = ["connect", "make_pool", "postfix"]
