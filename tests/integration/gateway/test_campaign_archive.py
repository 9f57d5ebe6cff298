"""Campaigns that everybody may read: who publishes them, what is read, and that nothing of it can do harm."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, new_list
from tests.fixtures.cluster import Cluster
from tests.fixtures.waiting import wait_for

HTML = """<html><body><h1>News for {{first_name|you}}</h1><script>alert(1)</script>
<a href="https://example.com/?a=1">on</a> {{email}} <a href="{{unsubscribe_url}}">leave</a></body></html>"""


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own."""
    return new_client(running)


def sent(api: Client, **fields: Any) -> str:
    """A campaign to nobody, whose sending has begun."""
    campaign = draft(api, new_list(api), **fields)
    assert api.request("POST", f"/api/campaigns/{campaign}/send").status_code == 202
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end")
    return campaign


def publish(api: Client, campaign: str) -> str:
    response = api.request("POST", f"/api/campaigns/{campaign}/archive")
    assert response.status_code == 200, response.text
    assert response.json() == api.get(f"/api/campaigns/{campaign}").json()
    return str(response.json()["archive_url"])


def read(url: str) -> requests.Response:
    """As anybody would."""
    return requests.get(url, timeout=30)


def test_a_published_campaign_is_read_by_everybody_as_somebody_unknown(api: Client) -> None:
    url = publish(api, sent(api, content_html=HTML))
    page = read(url)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>News for you</h1>" in page.text
    assert 'href="https://example.com/?a=1"' in page.text, "links are what they were"
    assert 'href="#unsubscribe"' in page.text
    assert "{{" not in page.text


def test_the_page_runs_nothing_and_is_framed_by_nobody(api: Client) -> None:
    policy = read(publish(api, sent(api, content_html=HTML))).headers["Content-Security-Policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert "allow-scripts" not in rules["sandbox"]
    assert "allow-same-origin" not in rules["sandbox"]
    assert rules["default-src"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert "script-src" not in rules


def test_a_campaign_of_text_is_shown_as_text(api: Client) -> None:
    page = read(publish(api, sent(api, content_html=None, content_text="One <b>\nTwo {{first_name|you}}")))
    assert "One &lt;b&gt;\nTwo you" in page.text


def test_what_was_withdrawn_is_gone_and_comes_back_to_the_same_place(api: Client) -> None:
    campaign = sent(api)
    url = publish(api, campaign)
    assert publish(api, campaign) == url
    withdrawn = api.request("DELETE", f"/api/campaigns/{campaign}/archive")
    assert (withdrawn.status_code, withdrawn.json()["archive_url"]) == (200, None)
    assert read(url).status_code == 404
    assert api.request("DELETE", f"/api/campaigns/{campaign}/archive").status_code == 200
    assert publish(api, campaign) == url
    assert read(url).status_code == 200
    assert api.request("DELETE", f"/api/campaigns/{campaign}").status_code == 200
    assert read(url).status_code == 404


def test_a_draft_is_nobodys_to_read(api: Client) -> None:
    campaign = draft(api, new_list(api))
    refused = api.request("POST", f"/api/campaigns/{campaign}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    assert "draft" in refused.json()["error"]
    assert read(f"{api.url}/archive/{campaign}").status_code == 404
    assert read(f"{api.url}/archive/nonsense").status_code == 404


def test_a_clone_is_not_published(api: Client) -> None:
    campaign = sent(api)
    publish(api, campaign)
    clone = api.post(f"/api/campaigns/{campaign}/clone", {}).json()
    assert clone["archive_url"] is None
    assert read(f"{api.url}/archive/{clone['id']}").status_code == 404


def test_another_account_publishes_and_withdraws_nothing_of_ours(api: Client, running: Cluster) -> None:
    stranger, campaign = new_client(running), sent(api)
    assert stranger.request("POST", f"/api/campaigns/{campaign}/archive").status_code == 404
    url = publish(api, campaign)
    assert stranger.request("DELETE", f"/api/campaigns/{campaign}/archive").status_code == 404
    assert read(url).status_code == 200
