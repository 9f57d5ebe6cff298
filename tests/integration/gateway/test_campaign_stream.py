"""Campaigns as those see them who watch: live, in numbers, recipient by recipient; all through the edge."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, fill, new_list
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.sse import Told, listen
from tests.fixtures.waiting import wait_for

WATCHERS = int(os.environ.get("WATCHERS", "60"))


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own."""
    return new_client(running)


def events(api: Client, campaign: str, last_id: str | None = None) -> Told:
    """The events of a campaign's stream."""
    return listen(api, f"/api/campaigns/{campaign}/stream", last_id)


def states(told: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [json.loads(event["data"]) for event in told]


def test_a_stream_begins_with_a_snapshot_and_ends_with_done(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 20))
    stream = events(api, campaign)
    first = next(stream)
    assert (first["event"], json.loads(first["data"])["state"]) == ("progress", "draft")
    api.request("POST", f"/api/campaigns/{campaign}/send")
    told = list(stream)
    assert told[-1]["event"] == "done"
    last = states(told)[-1]
    assert {key: last[key] for key in ("state", "total", "sent", "delivered", "queued", "bounced")} == {
        "state": "sent",
        "total": 20,
        "sent": 20,
        "delivered": 20,
        "queued": 0,
        "bounced": 0,
    }
    assert len({event["id"] for event in told}) == len(told)


def test_who_knows_the_end_is_not_told_again(api: Client, database: Database) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 1))
    api.request("POST", f"/api/campaigns/{campaign}/send")
    (*_, done) = events(api, campaign)
    assert done["event"] == "done"
    assert list(events(api, campaign, done["id"])) == []
    assert [event["id"] for event in events(api, campaign, "something-older")] == [done["id"]]


def test_a_stream_is_refused_as_any_request_is(api: Client, other_tenant: Client) -> None:
    path = f"/api/campaigns/{draft(api, None)}/stream"
    assert requests.get(api.url + path, timeout=20).status_code == 401
    refused = other_tenant.get(path)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_many_watch_and_the_api_goes_on_and_those_who_vanish_are_forgotten(
    cluster: Cluster, api: Client, database: Database
) -> None:
    campaign = draft(api, fill(api, database, new_list(api), 30))
    seen, together = [], threading.Barrier(WATCHERS + 1, timeout=60)

    def watch(number: int) -> str:
        stream = events(api, campaign)
        seen.append(next(stream))
        together.wait()
        if number % 2:
            return "gone"
        return list(stream)[-1]["event"]

    with ThreadPoolExecutor(WATCHERS) as pool:
        watching = [pool.submit(watch, number) for number in range(WATCHERS)]
        together.wait()
        # more than the gateway has threads: none of them is held by a watcher
        assert all(api.get("/api/campaigns").status_code == 200 for _ in range(30))
        api.request("POST", f"/api/campaigns/{campaign}/send")
        ends = [work.result() for work in watching]
    assert ends == ["done", "gone"] * (WATCHERS // 2)
    assert len({event["id"] for event in seen}) == 1
    wait_for(lambda: _connections(cluster) <= 2, "connections of those who left to be closed")


def _connections(cluster: Cluster) -> int:
    """Established connections to the streaming process."""
    port = f"{cluster.layout.ports.streams:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(1 for row in rows[1:] if row[1].endswith(f":{port}") and row[3] == "01")


def test_statistics_and_recipients_say_what_came_of_each(api: Client, database: Database) -> None:
    list_id = fill(api, database, new_list(api), 4)
    fill(api, database, list_id, 2, "bounced+{mark}{n}@simulator.mailmatic.test")
    campaign = draft(api, list_id)
    api.request("POST", f"/api/campaigns/{campaign}/send")
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end", 60)
    database.run(
        "UPDATE campaign_recipients SET opened_at = now() WHERE campaign_id = :id AND contact_id = "
        "(SELECT min(CAST(contact_id AS text)) FROM campaign_recipients WHERE campaign_id = :id)::uuid",
        id=campaign,
    )
    stats = api.get(f"/api/campaigns/{campaign}/stats").json()
    wanted = {"recipients": 6, "delivered": 4, "bounced": 2, "opened": 1, "queued": 0}
    assert {key: stats["totals"][key] for key in wanted} == wanted
    assert stats["rates"]["opened"] == 0.25
    assert [(item["domain"], item["recipients"]) for item in stats["domains"]] == [
        ("simulator.mailmatic.test", 6)
    ]
    assert len(stats["over_time"]) == 1

    page = api.get(f"/api/campaigns/{campaign}/recipients?status=bounced").json()
    assert {item["status"] for item in page["data"]} == {"bounced"}
    assert len(page["data"]) == 2
    assert len(api.get(f"/api/campaigns/{campaign}/recipients?opened=true").json()["data"]) == 1
    walked, after = [], ""
    while True:
        page = api.get(f"/api/campaigns/{campaign}/recipients?limit=4{after}").json()
        walked += [item["id"] for item in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={walked[-1]}"
    assert len(walked) == len(set(walked)) == 6
    lines = api.get(f"/api/campaigns/{campaign}/recipients/export").text.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("email,status")
