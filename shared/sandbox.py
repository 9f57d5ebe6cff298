"""The domains that are in no DNS: the simulator, whose addresses each have their outcome, and the sandbox,
from which a new install sends before it has a domain of its own.

Their names are never resolved. Acceptance, limits and the sender ask here whether an address belongs to them;
what comes of the simulator's addresses is the sender's knowledge (services/sender/simulator.py).
"""

from __future__ import annotations

from functools import cache

from shared.settings import settings

#: The first sending domain of an install.
SANDBOX_DOMAIN = "sandbox.mailmatic.test"


def is_unresolved(domain: str) -> bool:
    """Whether `domain` (A-label form, lower case) is the simulator's or the sandbox's."""
    return domain == SANDBOX_DOMAIN or is_simulated(domain)


def is_simulated(domain: str) -> bool:
    """Whether `domain` (A-label form, lower case) is the simulator's."""
    return domain == _simulator_domain()


@cache
def _simulator_domain() -> str:
    return settings().simulator_domain.lower()
