"""The way out: a page that asks (GET), and one click that does not (POST, RFC 8058).

No cookies, no redirects, no scripts. A GET changes nothing: mail filters follow every link.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from services.tracker import pages
from services.tracker.hits import line
from services.tracker.spool import Spool
from services.tracker.words import Words, words_for
from shared.db import DatabaseUnavailable, transaction
from shared.ids import new_id
from shared.observability import get_logger
from shared.tracking import Tokens, Unsubscription
from shared.unsubscribing import ALL, LISTS, Person, find, subscribe_again, unsubscribe

log = get_logger("tracker")
blueprint = Blueprint("unsubscribe", __name__)

_ONE_CLICK = ("List-Unsubscribe", "One-Click")


@blueprint.get("/api/unsub/<token>")
def ask(token: str) -> Response:
    """Asks what to unsubscribe from; with the database away, without saying from what."""
    words, link = _words(), _link(token)
    if link is None:
        return _page(pages.broken(words), 404)
    try:
        with transaction() as tx:
            person = find(tx, link)
    except DatabaseUnavailable:
        return _page(pages.question(words, "", ""))
    if person is None:
        return _page(pages.nobody(words))
    lists = ", ".join(item.name for item in person.subscribed)
    return _page(pages.question(words, pages.masked(person.address), lists))


@blueprint.post("/api/unsub/<token>")
def answer(token: str) -> Response:
    """Unsubscribes, at once and however often it is asked; or subscribes again."""
    words, link = _words(), _link(token)
    if link is None:
        return _page(pages.broken(words), 404)
    one_click, action = _asked()
    if one_click or action == "unsubscribe":
        everything = request.form.get("scope") == ALL
        return _unsubscribe(token, link, ALL if everything else LISTS, one_click)
    if action == "subscribe":
        return _subscribe(words, link)
    return _page(pages.question(words, "", ""), 400)


def _unsubscribe(token: str, link: Unsubscription, scope: str, one_click: bool) -> Response:
    words = _words()
    try:
        with transaction() as tx:
            unsubscribe(tx, link, scope, one_click=one_click)
            person = find(tx, link)
    except DatabaseUnavailable as error:
        log.warning("tracker.unsubscribe_spooled", reason=str(error))
        # on disk before it is promised: nobody clicks a second time
        if not (_spool().append(_line(token, scope)) and _spool().flush()):
            return _page(pages.later(words), 503)
        return _page(pages.done(words, "", everything=scope == ALL, back=False))
    if person is None:
        return _page(pages.nobody(words))
    everything = scope == ALL or not person.lists
    return _page(pages.done(words, _about(person), everything=everything, back=True))


def _subscribe(words: Words, link: Unsubscription) -> Response:
    try:
        with transaction() as tx:
            subscribe_again(tx, link)
            person = find(tx, link)
    except DatabaseUnavailable:
        return _page(pages.later(words), 503)
    return _page(pages.subscribed(words, _about(person)) if person else pages.nobody(words))


def _asked() -> tuple[bool, str]:
    """(whether it is one click, what the page's form asks for)."""
    form = request.form
    one_click = form.get(_ONE_CLICK[0]) == _ONE_CLICK[1]
    if not form and not one_click:  # some send the body without saying what it is
        one_click = request.get_data()[:200].strip() == "=".join(_ONE_CLICK).encode()
    return one_click, form.get("action", "")


def _line(token: str, scope: str) -> str:
    agent, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    return line(new_id(), token, "POST", agent, address, scope=scope)


def _about(person: Person) -> str:
    return pages.masked(person.address)


def _link(token: str) -> Unsubscription | None:
    tokens: Tokens | None = current_app.extensions["tokens"]
    found = tokens.read(token) if tokens else None
    return found if isinstance(found, Unsubscription) else None


def _spool() -> Spool:
    spool: Spool = current_app.extensions["spool"]
    return spool


def _words() -> Words:
    return words_for(request.headers.get("Accept-Language", ""))


def _page(html: str, status: int = 200) -> Response:
    return Response(html, status, headers=pages.HEADERS, content_type="text/html; charset=utf-8")
