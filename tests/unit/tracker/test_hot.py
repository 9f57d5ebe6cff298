"""The hot path as a WSGI callable: ten thousand tokens that are none of ours never lead anywhere."""

from __future__ import annotations

import base64
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.tracker.hits import Hit, parse
from services.tracker.hot import GIF, Hot, client_address
from services.tracker.spool import Spool
from shared.ids import new_id
from shared.tracking import Tokens, link, whom

OURS, OLD, FOREIGN = Tokens(["new", "old"]), Tokens(["old"]), Tokens(["somebody else's"])
EMAIL, TARGET = new_id(), "https://shop.example/a?b=c"
TOKENS = 10_000


class Asked:
    """One application and what it answers."""

    def __init__(self, folder: Path, tokens: Tokens | None = OURS) -> None:
        self.spool = Spool(folder, 1024 * 1024)
        self.app = Hot(self._rest, tokens, self.spool, 1, lambda language: f"broken {language}".encode())

    def ask(self, path: str, method: str = "GET", **more: str) -> tuple[str, dict[str, str], bytes]:
        said: list[Any] = []
        environ = {"PATH_INFO": path, "REQUEST_METHOD": method, **more}
        body = b"".join(self.app(environ, lambda status, headers: said.extend([status, dict(headers)])))
        return said[0], said[1], body

    def hits(self) -> list[Hit]:
        lines = [line for segment in self.spool.take() for line in segment.lines()]
        return [hit for line in lines if (hit := parse(line, OURS)) is not None]

    @staticmethod
    def _rest(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("418 I'm a teapot", [])
        return [b"the rest"]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def damaged(chance: Random) -> str:
    """A token that is none: made up, damaged, cut, of a foreign key, of another kind, or not even text."""
    token = OURS.click(whom(EMAIL, 0), link(0, TARGET))
    at = chance.randrange(len(token))
    other = chance.choice("ABCxyz019-_+/=~.%\u00e9\x00\n")
    made = [
        base64.urlsafe_b64encode(chance.randbytes(chance.randrange(120))).decode(),
        token[:at] + other + token[at + 1 :],
        token[:at],
        token + other,
        FOREIGN.click(whom(EMAIL, 0), link(0, "https://evil.example/")),
        OURS.open(whom(EMAIL, 0)),
        OURS.unsubscription(whom(EMAIL, 0)),
        chance.randbytes(20).decode("latin-1"),
    ]
    return chance.choice([item for item in made if item != token])


def test_ten_thousand_tokens_that_are_none_never_redirect_and_never_fail(asked: Asked) -> None:
    chance = Random(8)
    for _ in range(TOKENS):
        status, headers, _ = asked.ask("/api/t/c/" + damaged(chance))
        assert (status, "Location" in headers) == ("404 Not Found", False)
    assert asked.hits() == []


def test_links_of_the_old_key_lead_on(asked: Asked) -> None:
    for tokens in (OURS, OLD):
        status, headers, body = asked.ask("/api/t/c/" + tokens.click(whom(EMAIL, 3), link(7, TARGET)))
        assert (status, headers["Location"], body) == ("302 Found", TARGET, b"")
    assert [(hit.position, hit.index, hit.target) for hit in asked.hits()] == [(3, 7, TARGET)] * 2


def test_what_a_request_says_of_itself_is_kept(asked: Asked) -> None:
    path = "/api/t/o/" + OURS.open(whom(EMAIL, None))
    more = {
        "HTTP_USER_AGENT": "x" * 1000,
        "HTTP_X_FORWARDED_FOR": "9.9.9.9, 192.0.2.7",
        "HTTP_SEC_PURPOSE": "prefetch",
    }
    assert asked.ask(path, "HEAD", **more)[2] == b""
    (hit,) = asked.hits()
    assert (hit.method, hit.agent, hit.address, hit.prefetch) == ("HEAD", "x" * 300, "192.0.2.7", True)
    assert hit.position is None


def test_answers_go_on_when_nothing_can_be_kept(tmp_path: Path) -> None:
    asked = Asked(tmp_path / "spool")
    (tmp_path / "spool").write_text("in the way")
    assert asked.ask("/api/t/o/" + OURS.open(whom(EMAIL, 0)))[2] == GIF
    assert asked.ask("/api/t/c/" + OURS.click(whom(EMAIL, 0), link(0, TARGET)))[0] == "302 Found"


def test_without_master_keys_no_link_is_ours(tmp_path: Path) -> None:
    asked = Asked(tmp_path, None)
    assert asked.ask("/api/t/c/" + OURS.click(whom(EMAIL, 0), link(0, TARGET)))[0] == "404 Not Found"
    assert asked.ask("/api/t/o/x")[2] == GIF


def test_broken_links_speak_the_readers_language(asked: Asked) -> None:
    assert asked.ask("/api/t/c/x", HTTP_ACCEPT_LANGUAGE="de")[2] == b"broken de"


@pytest.mark.parametrize("path", ["/api/unsub/x", "/healthz", "/", "", "/api/t/", "/api/t/x/y"])
def test_everything_else_is_the_rests(asked: Asked, path: str) -> None:
    assert asked.ask(path)[2] == b"the rest"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "9.9.9.9", "10.0.0.1"),
        (1, "192.0.2.7", "192.0.2.7"),
        (1, "9.9.9.9, 192.0.2.7", "192.0.2.7"),
        (2, "9.9.9.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        (2, "192.0.2.7", "192.0.2.7"),
        (1, "", ""),
        (1, "x" * 500, "x" * 64),
    ],
)
def test_address_is_what_our_outermost_proxy_saw(proxies: int, forwarded: str, address: str) -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(environ, proxies) == address
