"""What a session asks of the rest of the gateway. Blocking, for the pool of threads; refusals are raised.

The checks, limits and the acceptance itself are those of the API: `known_keys`, `buckets`, `admission`,
`admitted`, `accept`, `idempotency`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.gateway import admission, idempotency, known_keys, raw_attachments
from services.gateway.accept import Accepted, draft, write
from services.gateway.admitted import admitted
from services.gateway.buckets import exceeded, network_of, take
from services.gateway.errors import problem
from services.gateway.idempotency import Answer, Claim, Replayed
from services.gateway.intents import Intent, Raw, Recipient
from services.gateway.keys import digest
from services.gateway.principal import Principal
from services.gateway.raw_message import RawMessage, mailbox, read
from services.gateway.submission.directives import Directives, directives
from services.gateway.submission.replies import Refused, line
from shared import schedule_index
from shared.addresses import Address, AddressError, parse_address
from shared.db import DatabaseUnavailable, transaction
from shared.errors import ApiError
from shared.models import emails
from shared.observability import get_logger
from shared.sandbox import is_simulated
from shared.settings import settings

log = get_logger("submission")

#: The username that goes with an API key in place of a password.
API_KEY_USERNAME = "apikey"

#: How long (seconds) an answer waits to learn whether a commit that was cut off took place.
_SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Login:
    """What somebody signed in with: kept, so that a credential that ends ends its sessions too."""

    username: str
    secret: bytes  # digest of an SMTP password
    api_key: str | None  # in place of both

    def __repr__(self) -> str:
        return "Login(…)"


@dataclass(frozen=True)
class Envelope:
    """Whom a message is from and for, as MAIL and RCPT had it; `sender` None: nobody (`<>`)."""

    sender: Address | None
    recipients: Sequence[Address]
    utf8: bool


def login_of(username: str, password: str) -> Login:
    """What is kept of a username and a password."""
    if username.lower() == API_KEY_USERNAME:
        return Login(API_KEY_USERNAME, b"", password)
    return Login(username, digest(password), None)


def authenticate(login: Login, address: str) -> Principal:
    """Who signs in from `address`; also asked again before each message.

    Raises:
        ApiError: nobody, or somebody who may not; too many failures from there.
        DatabaseUnavailable: it can't be told.
    """
    who = None

    def check_stranger() -> None:
        _count_stranger(address, cost=0)

    if login.api_key is not None:
        who = known_keys.find_principal(login.api_key, check_stranger)
    elif "\0" not in login.username:
        who = known_keys.find_login(login.username, login.secret, check_stranger)
    refusal = (
        known_keys.refusal(who, address)
        if who
        else problem("invalid_api_key", "Username or password is wrong.")
    )
    if refusal:
        _count_stranger(address, cost=1)
        raise refusal
    assert who is not None, "refused above"
    if not who.scopes.intersection(("send", "admin")):
        raise problem("insufficient_scope", "This needs the scope send.")
    return who


def begin(login: Login, address: str, sender: str) -> tuple[Principal, Address | None]:
    """MAIL: whether they may send another message, and from there.

    Raises:
        ApiError, Refused, DatabaseUnavailable: as `authenticate`; the domain is not theirs, or the address
            none; more than is allowed.
    """
    who = authenticate(login, address)
    try:
        given = parse_address(sender) if sender else None
    except AddressError as error:
        raise Refused(line("553 5.1.7", str(error))) from None
    refusal = admission.sender_refusal(who, given.domain) if given else None
    if refusal:
        raise refusal
    taken = take("credential", str(who.id), settings().rate_limit_credential.all)
    if not taken.allowed:
        raise exceeded(taken)
    return who, given


def judge_recipient(who: Principal, known: Sequence[Address], text: str) -> Address:
    """RCPT: the address, if mail from them may go there.

    Raises:
        ApiError, Refused, DatabaseUnavailable: why not.
    """
    try:
        address = parse_address(text)
    except AddressError as error:
        raise Refused(line("553 5.1.3", str(error))) from None
    if known and is_simulated(known[0].domain) != is_simulated(address.domain):
        raise Refused("452 4.5.3 Addresses of the simulator get a message of their own: send it next")
    lone = Intent(address, (Recipient("to", address, ""),), "")
    (refusal,) = admission.delivery_refusals([lone])
    if refusal is None:
        with transaction() as tx:
            (refusal,) = admission.recipient_refusals(tx, who, [lone])
    if refusal:
        raise refusal
    return address


def accept(who: Principal, envelope: Envelope, data: bytes) -> str:
    """DATA: stores the message with the intent to send it; what the client is told, once it is committed.

    Raises:
        ApiError, DatabaseUnavailable: nothing was stored.
    """
    message = read(data, utf8=envelope.utf8)
    unwanted = raw_attachments.fault(data)
    if unwanted:
        raise problem("validation_error", unwanted)
    wanted = directives(message)
    intent = _intent(envelope, message, wanted)
    (refusal,) = admission.refusals(who, [intent])
    if refusal:
        raise refusal
    claim = _claim(who, intent, wanted)
    try:
        return _store(who, intent, claim)
    except Replayed as twin:
        return twin.answer.body.decode()


def _store(who: Principal, intent: Intent, claim: Claim | None) -> str:
    id: UUID | None = None
    told = ""
    try:
        with transaction() as tx:
            earlier = idempotency.find(tx, claim) if claim else None
            if earlier:
                raise Replayed(earlier)
            (judged,) = admitted(tx, who, [intent])
            if isinstance(judged, ApiError):
                raise judged
            drafted = draft(who, [judged])
            told = _told(drafted.accepted[0])
            if claim:
                idempotency.keep(tx, claim, Answer(250, told.encode()))
            write(tx, drafted)
            id = drafted.accepted[0].id
    except DatabaseUnavailable:
        if id is None or not _is_stored(id):
            raise
    if intent.send_at:
        schedule_index.note([intent.send_at])
    return told


def _is_stored(id: UUID) -> bool:
    """Whether an email is there whose commit was cut off: told 4xx, its client would send it twice."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        try:
            with transaction() as tx:
                return tx.execute(select(emails.c.id).where(emails.c.id == id)).first() is not None
        except DatabaseUnavailable:
            time.sleep(0.5)
    log.warning("submission.commit_unknown", email_id=str(id))
    return False


def _intent(envelope: Envelope, message: RawMessage, wanted: Directives) -> Intent:
    sender = _sender(envelope, message)
    addressed = message.addressed()
    recipients = []
    for index, address in enumerate(envelope.recipients):
        kind, name = addressed.get(address.email, ("bcc", None))
        recipients.append(Recipient(kind, address.named(name), f"/recipients/{index}"))
    return Intent(
        sender=sender,
        recipients=tuple(recipients),
        subject=message.subject,
        send_at=wanted.send_at,
        raw=Raw(message.data, message.message_id),
        tags=wanted.tags,
        track_opens=wanted.track_opens,
        track_clicks=wanted.track_clicks,
    )


def _sender(envelope: Envelope, message: RawMessage) -> Address:
    """Whom the message says it is from; where it says nothing, who handed it over."""
    given = message.all("from")
    if not given:
        if envelope.sender is None:
            raise problem("validation_error", "The message has no From header.")
        return envelope.sender
    sender = mailbox(given[0], "From")
    for other in message.all("sender"):
        if mailbox(other, "Sender").domain != sender.domain:
            raise problem("domain_not_allowed", "The Sender header names another domain than From.")
    return sender


def _claim(who: Principal, intent: Intent, wanted: Directives) -> Claim | None:
    if wanted.key is None:
        return None
    # a client that composes the message anew gives it another date, boundary and Message-ID each time: the
    # same request is one from the same to the same about the same
    same = [intent.sender.email, sorted(item.address.email for item in intent.recipients), intent.subject]
    return Claim(
        account_id=who.account_id,
        route="SMTP (test)" if who.test else "SMTP",
        key=wanted.key,
        request_hash=idempotency.fingerprint("SMTP", same),
    )


def _told(accepted: Accepted) -> str:
    return f"id={accepted.id} message-id={accepted.message_id}"


def _count_stranger(address: str, *, cost: int) -> None:
    taken = take("ip", network_of(address), settings().rate_limit_ip.all, cost=cost)
    if not taken.allowed:
        raise exceeded(taken)
