"""Rate limits: per credential, and tighter per address for those who don't show a valid key.

Requests are counted here, one each however many emails it brings; emails are counted by quotas. An answer
of a limited operation says how they stand: `RateLimit-Limit`, `-Remaining` and `-Reset` of the tightest,
and all of them in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
"""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, request

from services.gateway.buckets import Taken, exceeded, network_of, take
from shared.settings import settings


def admit_principal(id: UUID) -> None:
    """Counts a request of a credential, or of a user.

    Raises:
        ApiError: 429, they have used up their requests.
    """
    _admit("credential", take("credential", str(id), settings().rate_limit_credential.all))


def admit_visitor() -> None:
    """Counts a request for a public page; raises 429."""
    _admit("visitor", take("visitor", client_network(), settings().rate_limit_visitor.all))


def check_stranger() -> None:
    """Raises 429 for a client that has failed to authenticate too often; counts nothing."""
    _admit("ip", take("ip", client_network(), settings().rate_limit_ip.all, cost=0))


def count_stranger() -> None:
    """Counts a request that did not authenticate; raises 429."""
    _admit("ip", take("ip", client_network(), settings().rate_limit_ip.all))


def describe(response: Response) -> Response:
    """Adds to an answer how the limits stand that were asked on its way."""
    asked: tuple[str, Taken] | None = g.get("rate_limits")
    if asked is None:
        return response
    scope, taken = asked
    tightest = taken.tightest
    response.headers["RateLimit-Limit"] = str(tightest.rate.quota)
    response.headers["RateLimit-Remaining"] = str(tightest.remaining)
    response.headers["RateLimit-Reset"] = str(tightest.reset)
    response.headers["RateLimit-Policy"] = ", ".join(
        f'"{scope}-{item.rate.unit}";q={item.rate.quota};w={item.rate.seconds}' for item in taken.buckets
    )
    response.headers["RateLimit"] = ", ".join(
        f'"{scope}-{item.rate.unit}";r={item.remaining};t={item.reset}' for item in taken.buckets
    )
    return response


def client_network() -> str:
    """Whom a limit by address is for."""
    return network_of(request.remote_addr or "")


def _admit(scope: str, taken: Taken) -> None:
    if not taken.buckets:
        return
    g.rate_limits = (scope, taken)
    if not taken.allowed:
        raise exceeded(taken)
