"""One look at all of a domain's records, in parallel: the only part of this package that waits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from shared.domain_checks.answers import Ask
from shared.domain_checks.cname import judge_cname
from shared.domain_checks.dkim import judge_dkim
from shared.domain_checks.dmarc import judge_dmarc
from shared.domain_checks.findings import Judged
from shared.domain_checks.records import DKIM, DMARC, SPF, Expected, Install
from shared.domain_checks.spf_record import judge_spf

_THREADS = 16

#: Each record with what became of it.
Look = list[tuple[Expected, Judged]]


def look(ask: Ask, records: Sequence[Expected], install: Install) -> Look:
    """Judges every record."""

    def judge(record: Expected) -> Judged:
        if record.purpose == DKIM:
            return judge_dkim(ask, record)
        if record.purpose == SPF:
            return judge_spf(ask, record.domain, install)
        if record.purpose == DMARC:
            return judge_dmarc(ask, record)[0]
        return judge_cname(ask, record)

    return list(zip(records, _pool().map(judge, records), strict=True))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="domains")
