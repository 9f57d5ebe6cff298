"""Where mail for many domains goes, at once and remembered: what the send path can afford to ask every time.

Answers are kept for their TTL, bounded, in this process and in Redis; what is unknown for seconds, here only.
All that is not known is asked in parallel, under one short deadline: what has no answer by then is `unknown`,
and its late answer is still kept. When the DNS has been silent several times running, nobody waits for it
for a few seconds.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict
from functools import cache
from threading import Lock

import redis as redis_errors

from shared import redis
from shared.dns import resolver
from shared.metrics import Counter
from shared.mx import SHORTEST, UNKNOWN, MailHosts, find_mail_hosts
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("dns")

UNANSWERED = Counter(
    "mailmatic_mail_hosts_unknown_total", "Domains whose mail hosts the DNS could not tell in time."
)

_KEPT = 20_000
_THREADS = 16
#: After so many look-ups in a row without an answer, so long nobody waits for the DNS (seconds).
_PATIENCE, _PAUSE = 3, 3.0


class _Kept:
    """Answers of this process, bounded: the oldest goes first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, MailHosts]] = OrderedDict()
        self._lock = Lock()

    def get(self, domain: str) -> MailHosts | None:
        with self._lock:
            entry = self._entries.get(domain)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def put(self, domain: str, answer: MailHosts) -> None:
        with self._lock:
            self._entries[domain] = (time.monotonic() + answer.ttl, answer)
            self._entries.move_to_end(domain)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)


class _Silence:
    """Whether the DNS is worth waiting for; threads may race here, and one more waits."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._until = 0.0

    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def note(self, silent: bool) -> None:
        self._in_a_row = self._in_a_row + 1 if silent else 0
        if self._in_a_row >= _PATIENCE:
            self._until = time.monotonic() + _PAUSE
            log.warning("dns.silent", look_ups=self._in_a_row)


_kept = _Kept()
_silence = _Silence()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="dns")


def mail_hosts(domains: Iterable[str]) -> dict[str, MailHosts]:
    """Where mail for each of `domains` (A-labels, lower case) goes; many at once, under one deadline."""
    wanted = list(dict.fromkeys(domains))
    found = {domain: answer for domain in wanted if (answer := _kept.get(domain))}
    missing = [domain for domain in wanted if domain not in found]
    if missing:
        found |= _from_redis(missing)
        found |= _look_up([domain for domain in missing if domain not in found])
    return found


def _look_up(domains: list[str]) -> dict[str, MailHosts]:
    if not domains:
        return {}
    if _silence.lasts():
        UNANSWERED.inc(len(domains))
        return {domain: MailHosts(UNKNOWN) for domain in domains}
    started, patience = time.monotonic(), settings().dns_timeout_seconds
    asked = {domain: _pool().submit(_ask, domain) for domain in domains}
    wait(asked.values(), timeout=patience)
    found: dict[str, MailHosts] = {}
    for domain, future in asked.items():
        if future.done() and not future.cancelled():
            found[domain] = future.result()
        else:
            future.cancel()
            found[domain] = MailHosts(UNKNOWN)
            _kept.put(domain, found[domain])  # an answer that comes yet takes its place
    known = {domain: answer for domain, answer in found.items() if answer.status != UNKNOWN}
    # a SERVFAIL comes at once and costs nobody time; silence does
    _silence.note(not known and time.monotonic() - started > patience * 0.9)
    UNANSWERED.inc(len(found) - len(known))
    _to_redis(known)
    return found


def _ask(domain: str) -> MailHosts:
    try:
        answer = find_mail_hosts(domain, resolver())
    except (
        Exception
    ) as error:  # no resolver, a broken answer: whatever it is, it is not the recipient's fault
        log.warning("dns.failed", domain=domain, reason=repr(error))
        answer = MailHosts(UNKNOWN)
    _kept.put(domain, answer)
    return answer


def _from_redis(domains: list[str]) -> dict[str, MailHosts]:
    try:
        texts = redis.client().mget([_key(domain) for domain in domains])
    except redis_errors.RedisError:
        return {}
    found: dict[str, MailHosts] = {}
    for domain, text in zip(domains, texts, strict=True):
        if text:
            stored = json.loads(text)
            found[domain] = MailHosts(stored["status"], tuple(stored["hosts"]), SHORTEST)
            _kept.put(domain, found[domain])
    return found


def _to_redis(found: dict[str, MailHosts]) -> None:
    if not found:
        return
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            for domain, answer in found.items():
                pipe.set(_key(domain), json.dumps(asdict(answer)), ex=int(answer.ttl))
            pipe.execute()
    except redis_errors.RedisError as error:
        log.debug("dns.not_cached", reason=str(error))


def _key(domain: str) -> str:
    return f"dns:mail:{domain}"
