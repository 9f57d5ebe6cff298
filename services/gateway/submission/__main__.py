"""`python -m services.gateway.submission`."""

from __future__ import annotations

from services.gateway.submission.server import main

main()
