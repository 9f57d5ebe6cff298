"""Whether those who watch a campaign live slow the API down: sending by it alone, and beside 500 watchers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from tests.bench import load
from tests.bench.accepting import email
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile
from tests.bench.newsletter import newsletter
from tests.fixtures.api import Client
from tests.fixtures.audiences import fill_engine, new_list
from tests.fixtures.waiting import wait_for

WATCHERS = 500
#: One at a time, as an application's visitors come: what is looked at is how long each waits.
REQUESTS = 400
#: A minute's worth and more, so that there is something to tell all the while.
_CONTACTS, _RATE = 12_000, "100/second"


def run(bench: Bench) -> list[Figure]:
    """Through nginx; a campaign moves in both cases, and all watchers are told of it."""
    api = bench.api
    load.post(api, "/api/send", [email(api.sender)] * 100)  # warm
    alone, beside, told = [], [], []
    for _ in range(bench.runs):
        campaign = _begun(bench)
        alone.append(_latencies(api))
        with _watchers(api, campaign) as heard:
            beside.append(_latencies(api))
            told.append(float(heard()))
        assert api.request("POST", f"/api/campaigns/{campaign}/cancel").status_code == 200
    return [
        Figure("POST /api/send while a campaign moves: median", "ms", _each(alone, 0.5)),
        Figure("  95th percentile", "ms", _each(alone, 0.95)),
        Figure(f"  beside {WATCHERS} watchers: median", "ms", _each(beside, 0.5)),
        Figure("  95th percentile", "ms", _each(beside, 0.95)),
        Figure("  told to all of them meanwhile", "events", told),
    ]


def _begun(bench: Bench) -> str:
    list_id = fill_engine(bench.engine, new_list(bench.api), _CONTACTS, "r{mark}-{n}@example.com")
    draft = {**newsletter(bench.api.sender, list_id), "rate_limit": _RATE}
    id = str(bench.api.post("/api/campaigns", draft).json()["id"])
    assert bench.api.request("POST", f"/api/campaigns/{id}/send").status_code == 202
    return id


def _latencies(api: Client) -> list[float]:
    return load.post(api, "/api/send", [email(api.sender)] * REQUESTS, clients=1).latencies


def _each(runs: list[list[float]], share: float) -> list[float]:
    return [1000 * percentile(latencies, share) for latencies in runs]


@contextlib.contextmanager
def _watchers(api: Client, campaign: str) -> Iterator[Callable[[], int]]:
    """Everybody watches while the block lasts; gives how many events they have heard so far."""
    address = urlsplit(api.url)
    request = (
        f"GET /api/campaigns/{campaign}/stream HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {api.key}\r\n\r\n"
    ).encode()
    heard = [0] * WATCHERS

    async def watch(number: int) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        while block := await reader.read(65_536):
            heard[number] += block.count(b"event:")

    async def watch_all() -> None:
        await asyncio.gather(*(watch(number) for number in range(WATCHERS)))

    loop = asyncio.new_event_loop()
    work = loop.create_task(watch_all())
    thread = threading.Thread(target=lambda: loop.run_until_complete(_until_cancelled(work)))
    thread.start()
    try:
        wait_for(lambda: all(heard), "all to be told something", 60)
        yield lambda: sum(heard)
    finally:
        loop.call_soon_threadsafe(work.cancel)
        thread.join()
        loop.close()


async def _until_cancelled(work: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await work
