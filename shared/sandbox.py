"""The simulator: a domain whose mail never leaves the install, and whose addresses each have their outcome.

Its name is never resolved. Acceptance, limits and the sender ask here whether an address belongs to it; what
comes of its addresses is the sender's knowledge (services/sender/simulator.py).
"""

from __future__ import annotations

from functools import cache

from shared.settings import settings


def is_simulated(domain: str) -> bool:
    """Whether `domain` (A-label form, lower case) is the simulator's."""
    return domain == _simulator_domain()


@cache
def _simulator_domain() -> str:
    return settings().simulator_domain.lower()
