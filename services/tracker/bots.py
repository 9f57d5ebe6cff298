"""Was it a person or a machine? A verdict on each open and click, with its reasons. Pure.

A verdict changes how a hit is counted, and nothing else: machines get the same answers as people, and no
click of either unsubscribes anybody. What we go by (docs/guides/tracking.md says it for users):

- what the request says of itself: HEAD, a prefetch, no User-Agent, a library's or a scanner's;
- where it comes from: networks that mail filters publish as theirs;
- how it behaves: within seconds after delivery, many links at once, the link that no reader sees.

Privacy proxies are told apart. Apple's fetches images whether the mail is read or not, so it is a machine;
Google's and Yahoo's fetch when the mail is shown, so that is a person whom we don't see, which is a note.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

#: Reasons, which make a machine …
HEAD, PREFETCH, TRAP = "head_request", "prefetch", "trap"
NO_AGENT, SCANNER, PROGRAM, APPLE = "no_user_agent", "scanner", "program", "apple_privacy"
NETWORK, INSTANT, BURST = "scanner_network", "seconds_after_delivery", "many_links_at_once"
#: … and notes, which don't.
GOOGLE_PROXY, YAHOO_PROXY = "google_image_proxy", "yahoo_image_proxy"
REASONS = (HEAD, PREFETCH, TRAP, NO_AGENT, SCANNER, PROGRAM, APPLE, NETWORK, INSTANT, BURST)
NOTES = (GOOGLE_PROXY, YAHOO_PROXY)

#: Nobody reads mail and acts on it sooner than this after our relay took it (seconds).
INSTANT_SECONDS = 3.0
#: So many different links of one email within so short a time (seconds) is no person.
BURST_LINKS, BURST_SECONDS = 3, 2.0

_SCANNERS = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|trendmicro|symantec|messagelabs|fortinet|fireeye|cloudmark|"
    r"ironport|sophos|forcepoint|zscaler|urlscan|virustotal|urldefense|mailguard|spamtitan|"
    r"google-safety|bingpreview|microsoft office existence discovery|"
    r"\bbots?\b|bot/|bot;|crawler|spider|facebookexternalhit|slackbot|whatsapp|telegrambot|skypeuripreview",
    re.IGNORECASE,
)
_PROGRAMS = re.compile(
    r"^(?:curl|wget|python|python-requests|python-urllib|aiohttp|httpx|go-http-client|java|okhttp|axios|node|"
    r"node-fetch|undici|got|ruby|perl|libwww-perl|php|guzzlehttp|apache-httpclient|postmanruntime|insomnia|"
    r"dalvik|winhttp|powershell)\b|headlesschrome|phantomjs|puppeteer|playwright|selenium",
    re.IGNORECASE,
)
#: Apple's proxies give no more than this.
_APPLE = "Mozilla/5.0"
_GOOGLE, _YAHOO = "GoogleImageProxy", "YahooMailProxy"

#: Where filters fetch links and images from, as their operators publish it: Microsoft's Exchange Online
#: Protection, Proofpoint, Mimecast, Barracuda. Lists like this age: they are one sign among several.
_NETWORKS = [
    ip_network(item)
    for item in (
        "40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "52.238.78.88/32", "104.47.0.0/17",
        "67.231.144.0/20", "148.163.128.0/19", "208.84.64.0/22",
        "146.101.78.0/24", "185.58.84.0/22", "195.130.217.0/24", "205.139.110.0/23", "207.211.30.0/23",
        "64.235.144.0/20", "209.222.80.0/21",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one hit. `since_delivery` is seconds, None where the delivery was not recorded yet."""

    is_open: bool
    method: str
    agent: str
    address: str
    prefetch: bool = False
    trap: bool = False
    since_delivery: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons` says why it is a machine; for a person it holds notes at most."""

    machine: bool
    reasons: tuple[str, ...]


def judge(signs: Signs) -> Verdict:
    """The verdict on one hit by itself; `bursts` sees what only several tell."""
    agent = signs.agent.strip()
    said = [
        (HEAD, signs.method == "HEAD"),
        (PREFETCH, signs.prefetch),
        (TRAP, signs.trap),
        (NO_AGENT, not agent),
        (SCANNER, _SCANNERS.search(agent) is not None),
        (PROGRAM, _PROGRAMS.search(agent) is not None),
        (APPLE, signs.is_open and agent == _APPLE),
        (NETWORK, _is_scanner(signs.address)),
        (INSTANT, signs.since_delivery is not None and 0 <= signs.since_delivery < INSTANT_SECONDS),
    ]
    reasons = tuple(reason for reason, holds in said if holds)
    if _GOOGLE in agent and reasons == (INSTANT,):
        reasons = ()  # it fetches when the mail is shown, however soon that is
    if reasons:
        return Verdict(True, reasons)
    notes = [(GOOGLE_PROXY, _GOOGLE in agent), (YAHOO_PROXY, _YAHOO in agent)]
    return Verdict(False, tuple(note for note, holds in notes if holds))


def bursts(clicks: Sequence[tuple[float, int]]) -> set[int]:
    """Which of one recipient's clicks belong to many links followed at once.

    Args:
        clicks: (seconds, number of the link), in any order.

    Returns:
        Positions in `clicks`.
    """
    order = sorted(range(len(clicks)), key=lambda at: clicks[at][0])
    found: set[int] = set()
    inside: Counter[int] = Counter()  # links followed within the window that ends here
    first = marked = 0
    for last, at in enumerate(order):
        inside[clicks[at][1]] += 1
        while clicks[at][0] - clicks[order[first]][0] > BURST_SECONDS:
            left = clicks[order[first]][1]
            inside[left] -= 1
            if not inside[left]:
                del inside[left]
            first += 1
        if len(inside) >= BURST_LINKS:
            found.update(order[max(first, marked) : last + 1])
            marked = last + 1
    return found


def _is_scanner(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in _NETWORKS)
