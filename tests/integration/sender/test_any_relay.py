"""Windows of messages to a relay that does anything: what it took is never thought to be with us, nor what it
did not take with it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.ports import HOST
from services.sender.outcomes import Outcome
from services.sender.relay_pool import RelayPool
from services.sender.relays import parse_relay
from services.sender.smtp import RelayTrouble
from services.sender.transaction import Envelope, Item
from tests.fixtures.smtp_client import SENDER, numbered

_MESSAGES = 20
_SENT, _PERHAPS = {"sent"}, {"unknown"}


class Whim(NamedTuple):
    """What the relay does at one stage of one message: what it says there, and whether it hangs up then."""

    stage: str
    says: str
    hangs_up: bool


_WHIMS = st.builds(
    Whim,
    st.sampled_from(["RSET", "MAIL", "RCPT", "BDAT"]),
    st.sampled_from(
        [
            "250 2.0.0 OK",
            "250-first\r\n250 last",
            "421 4.3.2 Leaving",
            "450 4.2.0 Later",
            "500 5.5.2 What",
            "503 5.5.1 Out of order",
            "530 5.7.0 Log in",
            "550 5.1.1 Nobody",
            "354 Go ahead",
            "hello",
            "",
        ]
    ),
    st.booleans(),
)


class _Relay:
    """A relay for one connection, with at most one whim for each message."""

    def __init__(self, whims: dict[int, Whim]) -> None:
        self._whims = whims
        self.took: set[int] = set()
        self.server = socket.create_server((HOST, 0))
        self._work = threading.Thread(target=self._serve)
        self._work.start()

    def end(self) -> None:
        """Waits until the connection is over."""
        self._work.join(20)
        assert not self._work.is_alive()
        self.server.close()

    def _serve(self) -> None:
        connection, _ = self.server.accept()
        with connection, connection.makefile("rb") as heard, suppress(OSError):
            connection.sendall(b"220 relay.test ESMTP\r\n")
            heard.readline()
            connection.sendall(b"250-relay.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
            number = 0
            while self._transaction(connection, heard, self._whims.get(number)):
                number += 1

    def _transaction(self, connection: socket.socket, heard: IO[bytes], whim: Whim | None) -> bool:
        """One message; whether the connection goes on."""
        refused = False
        for stage in ("RSET", "MAIL", "RCPT", "BDAT"):
            line = heard.readline()
            if not line.startswith(stage.encode()):
                return False  # QUIT, or the end
            own = whim if whim and whim.stage == stage else None
            says = (
                own.says if own else "503 5.5.1 Need RCPT" if refused and stage == "BDAT" else "250 2.0.0 OK"
            )
            if stage == "BDAT":
                octets = heard.read(int(line.split()[1]))
                # what it says nothing clear about it may have taken, and has here
                if not refused and says[:1] not in ("4", "5"):
                    self.took.add(int(octets.partition(b"<")[2].partition(b"@")[0]))
            elif stage != "RSET":
                refused |= not says.startswith("250")
            if not says and not own.hangs_up:
                heard.read()  # says no more at all: to leave out one reply is to lose count of them
            if not says:
                return False
            connection.sendall(f"{says}\r\n".encode())
            if own and (own.hangs_up or says.startswith("421")):
                return False
        return True


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.integers(0, _MESSAGES - 1), _WHIMS, max_size=4))
def test_what_the_relay_took_and_what_we_believe_go_together(whims: dict[int, Whim]) -> None:
    relay = _Relay(whims)
    believed: dict[int, str] = {}

    def items() -> Iterator[Item]:
        for number in range(_MESSAGES):
            yield Item(Envelope(SENDER, ((number, f"r{number}@x.test"),)), numbered(number))

    def end(_: str, envelope: Envelope, outcomes: list[Outcome]) -> None:
        (outcome,) = outcomes
        assert outcome.position not in believed, "told twice"
        believed[outcome.position] = outcome.status

    port = relay.server.getsockname()[1]
    pool = RelayPool([parse_relay(f"smtp://{HOST}:{port}")], hostname="client.test", timeout=0.2, cooldown=60)
    with suppress(RelayTrouble):
        pool.burst(items, lambda _: None, end)
    pool.close()
    relay.end()
    sent = {number for number, status in believed.items() if status in _SENT}
    perhaps = {number for number, status in believed.items() if status in _PERHAPS}
    assert sent <= relay.took, "lost"
    assert relay.took <= sent | perhaps, "would be sent again without a word"
