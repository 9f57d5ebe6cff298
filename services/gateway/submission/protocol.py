"""One session of SMTP submission (RFC 5321, 6409): what is said in which order, and what is refused.

The commands of aiosmtpd are replaced by stricter ones. Refused is what servers on the way understand
differently from each other: lines that end in anything but CR LF, what is sent before it is asked for (ahead
of the greeting, behind EHLO, STARTTLS, AUTH or DATA: RFC 2920 §3.1, RFC 3207 §4.2), AUTH in clear.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.gateway.principal import Principal
from services.gateway.submission import handler, paths
from services.gateway.submission.doors import Doors
from services.gateway.submission.handler import Envelope, Login
from services.gateway.submission.message import read_message
from services.gateway.submission.metrics import MESSAGES, SECONDS, SESSIONS, SIGN_INS
from services.gateway.submission.replies import Refused, reply
from services.gateway.submission.signing_in import MECHANISMS, username_and_password
from services.gateway.submission.wire import HangUp, Wire
from shared.addresses import Address
from shared.db import DatabaseUnavailable
from shared.errors import ApiError
from shared.ids import new_id
from shared.observability import get_logger, request_scope

log = get_logger("submission")

#: Longest command but AUTH, without its line end.
_LONGEST_COMMAND = 2_048
#: Commands before one has signed in, and failed sign-ins of one session.
_MOST_UNKNOWN = 30
_MOST_FAILURES = 3

#: What must not be followed by more in the same breath.
_LAST_OF_ITS_GROUP = ("EHLO", "HELO", "STARTTLS", "AUTH", "DATA", "QUIT")

_AWAY = "451 4.3.0 The database can't be reached at the moment: try again later"


class Submission(Wire):
    """A session, from connection to its end."""

    def __init__(self, doors: Doors, *, implicit_tls: bool) -> None:
        super().__init__(doors)
        self.between_messages = True
        self._implicit_tls = implicit_tls
        self._greeted = False
        self._login: Login | None = None
        self._who: Principal | None = None
        self._commands = self._failures = self.accepted = 0
        self._reset()

    async def _handle_client(self) -> None:
        refusal = self.doors.enter(self)
        try:
            if refusal:
                await self.say(refusal)
                return
            await self._converse()
        except (HangUp, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, TimeoutError):
            pass
        except Exception:
            log.exception("submission.failed", ip=self.address)
            self.dismiss("421 4.3.0 Something went wrong on our side")
        finally:
            self.doors.leave(self)
            self._writer.close()
            self._reader = self._writer = None
            self._tell()

    async def _converse(self) -> None:
        if self._implicit_tls:
            await self.encrypt(b"")
        if self.unread():
            await self.hang_up("554 5.5.1 The server speaks first")
        await self.say(f"220 {self.hostname} ESMTP Mailmatic")
        while True:
            if self.doors.closing and self.between_messages:
                await self.hang_up("421 4.3.2 This server is being restarted: connect again")
            verb, argument = await self._command()
            if verb is None:
                continue
            if verb in _LAST_OF_ITS_GROUP and verb != "QUIT" and self.unread():
                await self.hang_up(f"503 5.5.1 Wait for the reply to {verb}")
            await self._commands_known[verb](self, argument)

    async def _command(self) -> tuple[str | None, str]:
        """The next command, or None where it was refused."""
        line = await self.line()
        self.transcript.command(line)
        self._commands += 1
        most = self.doors.config.smtp_max_commands if self._who else _MOST_UNKNOWN
        if self._commands > most:
            await self.hang_up("421 4.7.0 Too many commands")
        word, _, rest = line.partition(b" ")
        verb = word.upper().decode("ascii", "replace")
        if len(line) > _LONGEST_COMMAND and verb != "AUTH":
            await self.fault("500 5.5.2 The line is too long")
            return None, ""
        if verb not in self._commands_known:
            await self.fault("500 5.5.1 There is no such command")
            return None, ""
        try:
            return verb, rest.decode().strip(" ")
        except UnicodeDecodeError:
            await self.fault("500 5.5.2 Commands are ASCII, or UTF-8 after SMTPUTF8")
            return None, ""

    def _reset(self) -> None:
        self._sender: Address | None = None
        self._utf8 = False
        self._recipients: dict[str, Address] = {}
        self._begun = 0.0
        self.between_messages = True

    async def _ehlo(self, name: str) -> None:
        if not _is_name(name):
            await self.fault("501 5.5.4 Syntax: EHLO name")
            return
        self._reset()
        self._greeted = True
        offers = [self.hostname, "PIPELINING", f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8"]
        offers.append("ENHANCEDSTATUSCODES")
        if not self.secure:
            offers.append("STARTTLS")
        elif self._who is None:
            offers.append("AUTH PLAIN LOGIN")
        await self.say(*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}")

    async def _helo(self, name: str) -> None:
        if not _is_name(name):
            await self.fault("501 5.5.4 Syntax: HELO name")
            return
        self._reset()
        await self.say(f"250 {self.hostname}")

    async def _starttls(self, argument: str) -> None:
        if argument:
            await self.fault("501 5.5.4 STARTTLS takes no parameter")
        elif self.secure:
            await self.fault("503 5.5.1 TLS is on already")
        else:
            self.transcript.reply("220 2.0.0 Go ahead")
            await self.encrypt(b"220 2.0.0 Go ahead\r\n")
            self._greeted = False  # nothing that was said in clear counts (RFC 3207 §4.2)

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if not self.secure:
            await self.fault("538 5.7.11 Start TLS first")
        elif not self._greeted:
            await self.fault("503 5.5.1 Say EHLO first")
        elif self._who is not None:
            await self.fault("503 5.5.1 You are signed in already")
        elif mechanism.upper() not in MECHANISMS:
            await self.fault("504 5.5.4 The mechanisms are PLAIN and LOGIN")
        else:
            try:
                given = await username_and_password(self, mechanism.upper(), initial)
            except Refused as refused:
                await self.fault(str(refused))
                return
            await self._sign_in(handler.login_of(*given))

    async def _sign_in(self, login: Login) -> None:
        try:
            self._who = await self.doors.run(handler.authenticate, login, self.address)
        except ApiError as refusal:
            SIGN_INS.labels("refused").inc()
            self._failures += 1
            words = reply(refusal)
            if self._failures >= _MOST_FAILURES:
                await self.hang_up(words)
            await self.say(words)
        except DatabaseUnavailable:
            await self.say("454" + _AWAY[3:])
        else:
            SIGN_INS.labels("ok").inc()
            self._login, self._commands = login, 0
            self.end_after(self.doors.config.smtp_session_seconds)
            await self.say("235 2.7.0 Welcome")

    async def _mail(self, argument: str) -> None:
        if self._who is None or self._login is None:
            first = "Sign in" if self.secure else "Start TLS and sign in"
            await self.fault(f"530 5.7.0 {first} first")
            return
        if not self.between_messages:
            await self.fault("503 5.5.1 A message was begun already")
            return
        try:
            path = paths.mail(argument)
        except Refused as refused:
            await self.fault(str(refused))
            return
        if path.size > self.doors.config.smtp_max_message_bytes:
            await self.say(f"552 5.3.4 At most {self.doors.config.smtp_max_message_bytes} octets")
            return
        found = await self._judged(handler.begin, self._login, self.address, path.address)
        if found:
            self._who, self._sender = found
            self._utf8, self.between_messages, self._begun = path.utf8, False, time.perf_counter()
            await self.say("250 2.1.0 Go on")

    async def _rcpt(self, argument: str) -> None:
        if self.between_messages:
            await self.fault("503 5.5.1 Say MAIL first")
            return
        try:
            path = paths.rcpt(argument, utf8=self._utf8)
        except Refused as refused:
            await self.fault(str(refused))
            return
        if len(self._recipients) >= self.doors.config.smtp_max_recipients:
            await self.say("452 4.5.3 Too many recipients: send them the message next")
            return
        known = list(self._recipients.values())
        address = await self._judged(handler.judge_recipient, self._who, known, path.address)
        if address:
            self._recipients[address.email] = address
            await self.say("250 2.1.5 Go on")

    async def _data(self, argument: str) -> None:
        if argument:
            await self.fault("501 5.5.4 DATA takes no parameter")
        elif self.between_messages:
            await self.fault("503 5.5.1 Say MAIL first")
        elif not self._recipients:
            await self.fault("554 5.5.1 No recipient was accepted")
        else:
            await self.say("354 End it with a dot on a line of its own")
            await self._take_message()

    async def _take_message(self) -> None:
        config = self.doors.config
        with self.doors.memory() as memory:
            try:
                data = await read_message(
                    self._reader, config.smtp_max_message_bytes, memory.take, self._reset_timeout
                )
            except Refused as refused:
                MESSAGES.labels("refused").inc()
                self._reset()
                await self.say(str(refused))
                return
            self.transcript.message(len(data))
            envelope = Envelope(self._sender, list(self._recipients.values()), self._utf8)
            told = await self._judged(handler.accept, self._who, envelope, data)
        if told:
            MESSAGES.labels("accepted").inc()
            SECONDS.observe(time.perf_counter() - self._begun)
            self.accepted += 1
            self._commands = 0
            self._reset()
            await self.say(f"250 2.0.0 Ok {told}")
        else:
            MESSAGES.labels("refused").inc()
            self._reset()

    async def _judged(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        """What `ask` answers, in the pool; None where it refused, which the client has been told."""
        try:
            with request_scope(str(new_id())):
                return await self.doors.run(ask, *arguments)
        except ApiError as refusal:
            await self.say(reply(refusal))
        except Refused as refused:
            await self.say(str(refused))
        except DatabaseUnavailable:
            await self.say(_AWAY)
        return None

    async def _rset(self, argument: str) -> None:
        self._reset()
        await self.say("250 2.0.0 Forgotten")

    async def _noop(self, argument: str) -> None:
        await self.say("250 2.0.0 Ok")

    async def _help(self, argument: str) -> None:
        await self.say("214 2.0.0 This is Mailmatic: see its guide on SMTP")

    async def _vrfy(self, argument: str) -> None:
        await self.say("252 2.5.2 Send it a message and see")

    async def _not_here(self, argument: str) -> None:
        await self.fault("502 5.5.1 That is not done here")

    async def _quit(self, argument: str) -> None:
        await self.hang_up("221 2.0.0 Bye")

    #: verb → what it does
    _commands_known: dict[str, Callable[[Any, str], Awaitable[None]]] = {  # noqa: RUF012 - a table
        "EHLO": _ehlo,
        "HELO": _helo,
        "STARTTLS": _starttls,
        "AUTH": _auth,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "HELP": _help,
        "VRFY": _vrfy,
        "EXPN": _not_here,
        "BDAT": _not_here,
        "ETRN": _not_here,
        "TURN": _not_here,
        "QUIT": _quit,
    }

    def _tell(self) -> None:
        """One line for the session; of one that was refused something, what was said."""
        said = self.transcript.lines() if self.transcript.refused else None
        SESSIONS.labels("refused" if said else "ok").inc()
        log.info(
            "submission.session",
            ip=self.address,
            credential=str(self._who.credential_id) if self._who else None,
            tls=self.secure,
            accepted=self.accepted,
            **({"transcript": said} if said else {}),
        )


def _is_name(text: str) -> bool:
    """Whether it may be a client's name: any word, because clients say all sorts of things."""
    return 0 < len(text) <= 255 and " " not in text and text.isprintable()
