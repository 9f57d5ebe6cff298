"""People: they register, sign in and out, change and lose passwords; and what a cookie alone can't do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.database import Database
from tests.fixtures.own_gateway import own_gateway
from tests.fixtures.person import PASSWORD, Person, owner, set_password, stranger
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


@pytest.fixture
def ada(running: Cluster) -> Person:
    """An owner who is signed in."""
    return owner(running.layout.url)


@pytest.fixture(scope="module")
def mailing(running: Cluster, database: Database) -> Iterator[str]:
    """A gateway that sends mail of its own, from a verified domain."""
    sender = new_client(running).sender
    with own_gateway(running, MAILMATIC_SYSTEM_SENDER=f"Mailmatic <{sender}>") as url:
        yield url


def code(response: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return response.status_code, response.json()["code"]


def token_mailed_to(relay: Relay, email: str) -> str:
    """The token in the newest mail to this address."""

    def mails() -> list[str]:
        found = [item for items in relay.by_message_id.values() for item in items if email in item.recipients]
        return [item.message.get_content() for item in found]

    text = wait_for(mails, f"a mail to {email}")[-1]
    found = re.search(r"\"token\": \"([\w-]{43})\"", text)
    assert found, text
    return found[1]


def test_who_registers_owns_an_account_and_is_signed_in(running: Cluster) -> None:
    person = stranger(running.layout.url)
    response = person.register(name="Ada", account_name="Example Ltd")
    assert response.status_code == 201
    me = response.json()
    assert me["account"]["name"] == "Example Ltd"
    assert (me["user"]["email"], me["user"]["name"], me["user"]["role"]) == (person.email, "Ada", "owner")
    assert "admin" in me["scopes"]
    assert me["credential"] is None
    assert person.get("/api/auth/me").json() == me


def test_cookie_is_out_of_reach_of_scripts_and_of_other_sites(running: Cluster) -> None:
    cookie = stranger(running.layout.url).register().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # this cluster speaks plain HTTP, on loopback


def test_cookie_is_for_https_alone_where_the_install_is(cluster: Cluster) -> None:
    with own_gateway(cluster, MAILMATIC_PUBLIC_URL="https://mail.example.com") as url:
        cookie = stranger(url).register().headers["Set-Cookie"]
    assert cookie.startswith("__Host-mailmatic_session=")
    assert "Secure" in cookie


def test_secrets_are_stored_as_digests_alone(ada: Person, database: Database, running: Cluster) -> None:
    ((stored,),) = database.all("SELECT password_hash FROM users WHERE email = :email", email=ada.email)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    import redis

    with redis.Redis.from_url(running.layout.redis_url, decode_responses=True) as scratchpad:
        keys = list(scratchpad.scan_iter("session*"))
    secret = next(iter(ada.session.cookies)).value
    assert keys
    assert secret
    assert not [key for key in keys if secret in key]


def test_who_signs_in_gets_a_session_and_a_wrong_password_none(ada: Person) -> None:
    again = ada.elsewhere()
    assert code(again.log_in(password="wrong password entirely")) == (401, "invalid_login")
    assert code(again.get("/api/auth/me")) == (401, "missing_api_key")
    assert again.log_in().status_code == 200
    assert again.get("/api/auth/me").status_code == 200
    assert Person(ada.url, ada.email.upper()).log_in().status_code == 200


def test_refusal_is_the_same_whether_the_address_exists(ada: Person) -> None:
    known = ada.elsewhere().log_in(password="wrong password entirely")
    unknown = stranger(ada.url).log_in(password="wrong password entirely")
    strip = ("request_id",)
    told = [{k: v for k, v in item.json().items() if k not in strip} for item in (known, unknown)]
    assert told[0] == told[1]
    assert known.status_code == unknown.status_code == 401


@pytest.mark.parametrize("exists", [True, False])
def test_sign_ins_are_stopped_after_too_many_failures_whether_the_address_exists(
    running: Cluster, exists: bool
) -> None:
    person = owner(running.layout.url) if exists else stranger(running.layout.url)
    tries = person.elsewhere()
    answers = [tries.log_in(password="wrong password entirely") for _ in range(11)]
    assert {item.status_code for item in answers[:10]} == {401}
    assert code(answers[10]) == (429, "rate_limit_exceeded")
    assert int(answers[10].headers["Retry-After"]) > 0
    assert tries.log_in().status_code == 429  # the right one, too
    if exists:
        assert person.get("/api/auth/me").status_code == 200


def test_session_ends_when_its_user_signs_out(ada: Person) -> None:
    cookies = dict(ada.session.cookies)
    assert ada.post("/api/auth/logout").status_code == 204
    assert not ada.session.cookies
    stolen = requests.get(f"{ada.url}/api/auth/me", cookies=cookies, timeout=10)
    assert code(stolen) == (401, "invalid_session")


def test_user_ends_other_sessions_one_by_one_and_together(ada: Person) -> None:
    others = [ada.elsewhere() for _ in range(3)]
    for other in others:
        other.log_in()
    listed = others[0].get("/api/auth/sessions").json()["data"]
    (first,) = [item["id"] for item in listed if item["current"]]
    assert len(listed) == 4
    assert ada.request("DELETE", f"/api/auth/sessions/{first}").status_code == 204
    assert [other.get("/api/auth/me").status_code for other in others] == [401, 200, 200]
    assert ada.request("DELETE", "/api/auth/sessions").status_code == 204
    assert [person.get("/api/auth/me").status_code for person in (ada, *others)] == [200, 401, 401, 401]
    log = ada.get("/api/audit?action=user.sessions_ended").json()["data"]
    assert [entry["data"] for entry in log] == [{"ended": 2}, {"ended": 1}]


def test_write_by_cookie_needs_the_sessions_own_csrf_token(ada: Person) -> None:
    other = owner(ada.url)
    for token in ("", "nonsense", other.csrf_token):
        refused = ada.request("PATCH", "/api/account", json={"name": "New"}, headers={"X-CSRF-Token": token})
        assert code(refused) == (403, "csrf_failed")
    changed = ada.request("PATCH", "/api/account", json={"name": "New"})
    assert changed.json()["name"] == "New"


def test_key_wins_where_both_are_shown_and_needs_no_csrf_token(ada: Person, api: Client) -> None:
    response = ada.get("/api/auth/me", headers={"Authorization": f"Bearer {api.key}", "X-CSRF-Token": ""})
    assert response.json()["user"] is None
    assert response.json()["credential"]["email"] == api.sender
    assert response.json()["csrf_token"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/auth/logout"), ("GET", "/api/auth/sessions"), ("POST", "/api/auth/password")],
)
def test_what_is_for_people_is_refused_to_keys(api: Client, method: str, path: str) -> None:
    body = {"current_password": PASSWORD, "new_password": PASSWORD}
    assert code(api.request(method, path, json=body)) == (403, "session_required")


def test_password_is_changed_and_other_sessions_end(ada: Person) -> None:
    other = ada.elsewhere()
    other.log_in()
    new = "another good long phrase"
    wrong = ada.post("/api/auth/password", {"current_password": "not it at all", "new_password": new})
    assert code(wrong) == (401, "invalid_login")
    assert wrong.json()["errors"][0]["pointer"] == "/current_password"
    changed = ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": new})
    assert changed.status_code == 200
    assert ada.get("/api/auth/me").status_code == 200
    assert code(other.get("/api/auth/me")) == (401, "invalid_session")
    assert ada.elsewhere().log_in().status_code == 401
    assert ada.elsewhere().log_in(password=new).status_code == 200


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1234",
        "passwordpassword",
        "aaaaaaaaaaaaaaa",
        "1234567890123",
        "Mailmatic2026!",
        "x" * 201,
    ],
)
def test_password_that_is_guessed_first_is_refused_with_a_reason(running: Cluster, password: str) -> None:
    response = stranger(running.layout.url).register(password=password)
    assert code(response) == (422, "validation_error")
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/password"]


def test_password_that_is_ones_own_address_is_refused(running: Cluster) -> None:
    person = stranger(running.layout.url)
    assert code(person.register(password=person.email)) == (422, "validation_error")


def test_address_can_register_once(ada: Person) -> None:
    assert code(ada.elsewhere().register()) == (409, "email_taken")
    assert code(Person(ada.url, ada.email.upper()).register()) == (409, "email_taken")


def test_nobody_registers_where_it_is_closed(cluster: Cluster) -> None:
    with own_gateway(cluster, MAILMATIC_REGISTRATION="off") as url:
        assert code(stranger(url).register()) == (403, "registration_closed")


def test_sessions_are_listed_and_ended_one_by_one(ada: Person) -> None:
    other = ada.elsewhere()
    other.log_in()
    sessions = ada.get("/api/auth/sessions").json()["data"]
    assert sorted(item["current"] for item in sessions) == [False, True]
    theirs = next(item for item in sessions if not item["current"])
    foreign = owner(ada.url)
    assert code(foreign.request("DELETE", f"/api/auth/sessions/{theirs['id']}")) == (404, "not_found")
    assert ada.request("DELETE", f"/api/auth/sessions/{theirs['id']}").status_code == 204
    assert code(other.get("/api/auth/me")) == (401, "invalid_session")
    assert len(ada.get("/api/auth/sessions").json()["data"]) == 1


def test_forgotten_password_is_set_anew_with_a_token_out_of_the_mail(
    mailing: str, relay: Relay, database: Database
) -> None:
    person = owner(mailing)
    known = person.elsewhere().post("/api/auth/password-reset", {"email": person.email})
    unknown = person.elsewhere().post("/api/auth/password-reset", {"email": stranger(mailing).email})
    assert known.status_code == unknown.status_code == 202
    assert known.json() == unknown.json()
    token = token_mailed_to(relay, person.email)
    assert token.encode() not in [
        bytes(row[0]) for row in database.all("SELECT token_hash FROM password_resets")
    ]
    new = person.elsewhere()
    new.password = "a phrase after the reset"
    set_password(new, token)
    assert new.log_in().status_code == 200
    assert code(person.get("/api/auth/me")) == (401, "invalid_session")
    again = new.post("/api/auth/password-reset/confirm", {"token": token, "password": "and yet another one"})
    assert code(again) == (422, "invalid_token")


def test_reset_token_is_worth_nothing_when_it_is_too_old(
    mailing: str, relay: Relay, database: Database
) -> None:
    person = owner(mailing)
    person.post("/api/auth/password-reset", {"email": person.email})
    token = token_mailed_to(relay, person.email)
    database.all("UPDATE password_resets SET expires_at = now() RETURNING 1")
    late = person.post("/api/auth/password-reset/confirm", {"token": token, "password": "a phrase too late"})
    assert code(late) == (422, "invalid_token")
    assert person.elsewhere().log_in().status_code == 200


def test_reset_by_mail_is_off_where_the_install_sends_none_and_the_operator_helps(
    running: Cluster, ada: Person
) -> None:
    assert code(ada.post("/api/auth/password-reset", {"email": ada.email})) == (
        403,
        "password_reset_disabled",
    )
    ada.password = "a phrase from the operator"
    set_password(ada, operator(running, "reset-password", ada.email)["token"])
    assert ada.elsewhere().log_in().status_code == 200


@pytest.mark.usefixtures("own_servers")
def test_keys_go_on_and_sessions_wait_while_redis_is_away(cluster: Cluster, api: Client) -> None:
    person = owner(cluster.layout.url)
    cluster.stop("redis")
    response = person.get("/api/auth/me")
    assert code(response) == (503, "sessions_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert code(person.elsewhere().log_in()) == (503, "sessions_unavailable")
    assert api.get("/api/auth/me").status_code == 200


def test_audit_log_tells_of_sign_ins_without_secrets(ada: Person) -> None:
    ada.elsewhere().log_in(password="wrong password entirely")
    ada.elsewhere().log_in()
    entries = ada.get("/api/audit").json()["data"]
    actions = [entry["action"] for entry in entries]
    assert {"account.created", "user.registered", "user.logged_in", "user.login_failed"} <= set(actions)
    (failed,) = [entry for entry in entries if entry["action"] == "user.login_failed"]
    assert failed["data"] == {"count": 1}
    assert PASSWORD not in str(entries)


def test_user_sends_from_the_accounts_verified_domains(running: Cluster, ada: Person, relay: Relay) -> None:
    account = ada.get("/api/account").json()["id"]
    domain = f"t{uuid.uuid4().hex[:12]}.test"
    operator(running, "add-domain", account, domain, "--verified")
    body = {"from": f"ada@{domain}", "to": "grace@example.com", "subject": "Hi", "text": "Hi"}
    sent = ada.post("/api/send", body)
    assert sent.status_code == 202
    wait_for(lambda: relay.received(sent.json()["message_id"]), "the email to arrive")
    refused = ada.post("/api/send", {**body, "from": "ada@example.com"})
    assert code(refused) == (403, "domain_not_allowed")
