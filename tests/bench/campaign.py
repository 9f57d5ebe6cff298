"""How fast a campaign goes out: from the request to the last recorded outcome, beside floors and baselines.

Everything shares the machine: servers, our processes, the sink. The floor is the machine's own RSA: every
email has a signature of its own, and nothing can be faster than that. The baseline is what is usually built
(plain_campaign.py), with a signature and without, each a moment before ours.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from deploy.local.layout import BIN, ROOT
from tests.bench import plain_campaign
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile
from tests.bench.newsletter import newsletter
from tests.fixtures.audiences import fill_engine, new_list
from tests.fixtures.waiting import wait_for

#: Our processes whose memory is looked at.
_PROCESSES = ("campaigns", "sender-bulk", "relay", "scheduler")
#: Who shares the processors.
_USERS = ("sender-bulk", "campaigns", "relay", "scheduler", "sender", "gateway", "postgres", "rabbitmq")
_SIGN_SECONDS = 4.0
_WARM = 10_000
#: When the last outcome is near (of 1).
_NEARLY = 0.95
#: Emails of the baseline, signed and unsigned: some seconds each.
_PLAIN_SIGNED, _PLAIN_UNSIGNED = 1_000, 3_000


def run(bench: Bench) -> list[Figure]:
    """A warm-up, then as many runs as asked for, each to a list of its own."""
    _say("warming up …")
    _send(bench, _WARM)
    floor, rates, latencies, memory = [], [], [], []
    signed, unsigned = [], []
    cpu: dict[str, list[float]] = {name: [] for name in _USERS}
    for number in range(bench.runs):
        bench.empty_campaigns()
        floor.append(signatures_per_second())
        _say(f"run {number + 1}: baselines …")
        signed.append(_plain(bench, _PLAIN_SIGNED, signed=True))
        unsigned.append(_plain(bench, _PLAIN_UNSIGNED, signed=False))
        _say(f"run {number + 1}: {bench.contacts:,} contacts …")
        before = {name: bench.cpu(name) for name in _USERS}
        with _Transactional(bench) as beside:
            seconds = _send(bench, bench.contacts)
        for name in _USERS:
            cpu[name].append(1000 * (bench.cpu(name) - before[name]) / bench.contacts)
        rates.append(bench.contacts / seconds)
        latencies += beside.latencies
        memory.append(sum(bench.memory(name) for name in _PROCESSES))
        _say(f"  {rates[-1]:,.0f} emails/s, {rates[-1] / floor[-1]:.0%} of {floor[-1]:,.0f} signatures/s")
    shares = [100 * rate / signs for rate, signs in zip(rates, floor, strict=True)]
    return [
        Figure("RSA-2048 signatures, all cores (floor)", "signatures/s", floor),
        Figure(f"campaign to {bench.contacts:,} contacts", "emails/s", rates),
        Figure("  share of the floor", "%", shares),
        Figure("  EmailMessage, dkimpy, a message and a commit each", "emails/s", signed),
        Figure("  ours in such", "times", [a / b for a, b in zip(rates, signed, strict=True)]),
        Figure("  the same without a signature", "emails/s", unsigned),
        Figure("  time an email", "ms", [1000 / rate for rate in rates]),
        Figure("  transactional in its middle: accepted to sent, median", "ms", [percentile(latencies, 0.5)]),
        Figure("  transactional in its middle: 99th percentile", "ms", [percentile(latencies, 0.99)]),
        *(Figure(f"  processor time an email: {name}", "ms", values) for name, values in cpu.items()),
        Figure("  memory of our workers together, at most", "MB", memory),
    ]


def signatures_per_second() -> float:
    """What all cores sign in a second, with nothing else to do."""
    cores = multiprocessing.cpu_count()
    with multiprocessing.Pool(cores) as pool:
        return sum(pool.map(_sign, [_SIGN_SECONDS] * cores))


def _sign(seconds: float) -> float:
    key, data = generate_private_key(65537, 2048), b"x" * 1000
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        key.sign(data, PKCS1v15(), hashes.SHA256())
        count += 1
    return count / (time.perf_counter() - began)


def _plain(bench: Bench, count: int, *, signed: bool) -> float:
    """Emails a second of the plain worker, with as many processes as there are cores."""
    bench.sql(plain_campaign.TABLE)
    bench.sql("TRUNCATE bench_plain")
    bench.sql("INSERT INTO bench_plain SELECT generate_series(1, :count)", count=count)
    code = (
        "from tests.bench.plain_campaign import send; "
        f"[send.send(number, {signed}) for number in range(1, {count + 1})]"
    )
    environment = bench.cluster.environment()
    subprocess.run([str(BIN / "python"), "-c", code], cwd=ROOT, env=environment, check=True)
    command = [str(BIN / "dramatiq"), "tests.bench.plain_campaign", "--queues", plain_campaign.QUEUE]
    command += ["--processes", str(os.cpu_count()), "--threads", "4", "--path", str(ROOT)]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        sent = "SELECT count(*) FROM bench_plain WHERE sent"
        wait_for(lambda: bench.sql(sent) != [(0,)], "the plain worker's first")
        began, before = time.perf_counter(), int(str(bench.sql(sent)[0][0]))
        wait_for(lambda: bench.sql(sent) == [(count,)], "the plain worker's last", 600)
        return (count - before) / (time.perf_counter() - began)
    finally:
        worker.terminate()
        worker.wait(60)


def _send(bench: Bench, contacts: int) -> float:
    """Seconds from the request to the last recorded outcome."""
    list_id = new_list(bench.api)
    fill_engine(bench.engine, list_id, contacts, "r{mark}-{n}@example.com")
    bench.sql("ANALYZE contacts, subscriptions")
    made = bench.api.post("/api/campaigns", newsletter(bench.api.sender, list_id)).json()
    began = time.perf_counter()
    answer = bench.api.request("POST", f"/api/campaigns/{made['id']}/send")
    assert answer.status_code == 202, answer.text
    last = 0.0

    def recorded() -> int:
        nonlocal last
        ((done,),) = bench.sql(
            "SELECT COALESCE(sum(sent + bounced + failed), 0) FROM campaign_counts WHERE campaign_id = :id",
            id=made["id"],
        )
        if time.perf_counter() - last > 5:
            last = time.perf_counter()
            _say(f"  {int(str(done)):>9,} of {contacts:,}")
        return int(str(done))

    # a look now and then is enough until the last outcome is near, and takes less from what is measured
    wait_for(lambda: recorded() >= contacts * _NEARLY, "the campaign to go out", 3600, pause=0.2)
    wait_for(lambda: recorded() == contacts, "the last outcome", 600, pause=0.02)
    seconds = time.perf_counter() - began
    ended = "SELECT count(*) FROM campaigns WHERE id = :id AND status = 'sent'"
    wait_for(lambda: bench.sql(ended, id=made["id"]) == [(1,)], "the campaign to end", 60)
    ((sent,),) = bench.sql(
        "SELECT count(*) FROM emails WHERE campaign_id = :id AND status = 'sent'", id=made["id"]
    )
    assert sent == contacts, f"{sent} of {contacts} were sent"
    return seconds


class _Transactional:
    """Sends an email every 200 ms while a campaign runs, and learns how long each took from 202 to sent."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._ids: list[str] = []
        self.latencies: list[float] = []

    def __enter__(self) -> _Transactional:
        self._work = self._pool.submit(self._go_on)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._work.result()
        waiting = "SELECT count(*) FROM emails WHERE id = ANY(CAST(:ids AS uuid[])) AND status <> 'sent'"
        wait_for(lambda: self._bench.sql(waiting, ids=self._ids) == [(0,)], "the last to be sent", 60)
        rows = self._bench.sql(
            "SELECT extract(epoch FROM updated_at - created_at) * 1000 FROM emails "
            "WHERE id = ANY(CAST(:ids AS uuid[]))",
            ids=self._ids,
        )
        self.latencies = [float(str(ms)) for (ms,) in rows]

    def _go_on(self) -> None:
        while not self._stop.wait(0.2):
            self._ids.append(str(self._bench.api.send(to="ada@example.com")["id"]))


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
