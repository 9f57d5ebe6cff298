"""The script that counts, where its windows end."""

from __future__ import annotations

import redis

from deploy.local.cluster import Cluster
from services.gateway.buckets import TAKE


def test_a_window_that_ends_this_very_moment_gives_way_to_a_new_one(servers: Cluster) -> None:
    with redis.Redis.from_url(servers.layout.redis_url) as scratchpad:
        take = scratchpad.register_script(TAKE)
        # windows of a millisecond: hundreds of the calls meet one that has none left
        answers = [take(["rate:{test:ending}:second"], [1, 1_000_000, 1]) for _ in range(5_000)]
    assert {allowed for allowed, _, _ in answers} == {1}
    assert all(used >= 1 and left == 1 for _, used, left in answers)
