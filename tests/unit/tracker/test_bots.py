"""Verdicts: which hits are a machine's, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker import bots
from services.tracker.bots import Signs, Verdict, bursts, judge

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PERSON = Signs(False, "GET", FIREFOX, "203.0.113.9", since_delivery=600.0)


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0",
        "Mozilla/5.0 (Linux; Android 15; CUBOT X90) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
    ],
)
def test_mail_programs_and_browsers_are_people(agent: str) -> None:
    for is_open in (True, False):
        assert judge(replace(PERSON, agent=agent, is_open=is_open)) == Verdict(False, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": "HEAD"}, bots.HEAD),
        ({"prefetch": True}, bots.PREFETCH),
        ({"trap": True}, bots.TRAP),
        ({"agent": "  "}, bots.NO_AGENT),
        ({"agent": "Barracuda Sentinel (EE)"}, bots.SCANNER),
        ({"agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, bots.SCANNER),
        ({"agent": "Slackbot-LinkExpanding 1.0"}, bots.SCANNER),
        ({"agent": "curl/8.5.0"}, bots.PROGRAM),
        ({"agent": "python-requests/2.32"}, bots.PROGRAM),
        ({"agent": "Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/142.0 Safari/537.36"}, bots.PROGRAM),
        ({"agent": "Mozilla/5.0", "is_open": True}, bots.APPLE),
        ({"address": "40.94.1.2"}, None),
        ({"address": "40.93.1.2"}, bots.NETWORK),
        ({"address": "148.163.130.7"}, bots.NETWORK),
        ({"since_delivery": 1.4}, bots.INSTANT),
        ({"since_delivery": 0.0}, bots.INSTANT),
        ({"since_delivery": 3.0}, None),
        ({"since_delivery": -5.0}, None),
        ({"since_delivery": None}, None),
        ({"address": "no address"}, None),
        ({"address": "2001:db8::1"}, None),
    ],
)
def test_signs_make_a_machine_and_say_why(changes: dict[str, Any], reason: str | None) -> None:
    expected = Verdict(True, (reason,)) if reason else Verdict(False, ())
    assert judge(replace(PERSON, **changes)) == expected


def test_all_reasons_are_given() -> None:
    verdict = judge(Signs(True, "HEAD", "", "40.93.1.2", prefetch=True, trap=True, since_delivery=0.1))
    assert verdict == Verdict(
        True, (bots.HEAD, bots.PREFETCH, bots.TRAP, bots.NO_AGENT, bots.NETWORK, bots.INSTANT)
    )


@pytest.mark.parametrize("since", [0.5, 600.0])
def test_a_proxy_that_fetches_when_mail_is_shown_is_a_person_with_a_note(since: float) -> None:
    google = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    shown = replace(PERSON, is_open=True, agent=google, address="66.249.84.1", since_delivery=since)
    assert judge(shown) == Verdict(False, (bots.GOOGLE_PROXY,))
    yahoo = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
    assert judge(replace(PERSON, is_open=True, agent=yahoo)) == Verdict(False, (bots.YAHOO_PROXY,))


@given(st.builds(Signs, st.booleans(), st.text(), st.text(), st.text(), st.booleans(), st.booleans()))
def test_whatever_a_request_says_there_is_a_verdict(signs: Signs) -> None:
    verdict = judge(signs)
    assert set(verdict.reasons) <= set(bots.REASONS if verdict.machine else bots.NOTES)


@pytest.mark.parametrize(
    ("clicks", "machine"),
    [
        ([], set()),
        ([(0.0, 0), (0.5, 1)], set()),
        ([(0.0, 0), (0.5, 1), (1.9, 2)], {0, 1, 2}),
        ([(0.0, 0), (0.5, 1), (2.1, 2)], set()),
        ([(1.9, 2), (0.5, 1), (0.0, 0)], {0, 1, 2}),
        ([(0.0, 0), (0.1, 0), (0.2, 0), (0.3, 1)], set()),
        ([(0.0, 0), (1.0, 1), (2.0, 2), (3.5, 3)], {0, 1, 2}),
        ([(0.0, 0), (1.0, 1), (2.0, 2), (3.0, 3)], {0, 1, 2, 3}),
        ([(0.0, 0), (10.0, 1), (10.1, 2), (10.2, 3), (30.0, 4)], {1, 2, 3}),
    ],
)
def test_many_different_links_at_once_are_a_machines(
    clicks: list[tuple[float, int]], machine: set[int]
) -> None:
    assert bursts(clicks) == machine
