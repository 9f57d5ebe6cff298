"""Persistent connections to the relays, with failover: the first relay that answers gets the mail.

A relay that can't be reached is passed over for a few seconds, so that a chunk of emails does not wait for
the same timeout a hundred times. A connection that breaks in the middle of one message moves only that one on
to the next relay.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from services.sender.burst import BurstConnection
from services.sender.outcomes import Outcome
from services.sender.pieces import Stream
from services.sender.relays import Relay
from services.sender.smtp import NeedsSevenBit, RelayTrouble
from services.sender.transaction import Envelope, Item
from shared.metrics import Counter, Gauge

#: A connection idle longer than this (seconds) is not trusted again; Postfix closes after 300.
_MAX_IDLE = 60.0
#: A connection is replaced after this many messages, so that relays behind a balancer share the load.
_MAX_DELIVERIES = 1_000

_CONNECTED = Counter("mailmatic_smtp_connections_total", "Connections to relays.", ["relay", "outcome"])
_IDLE = Gauge("mailmatic_smtp_idle_connections", "Kept for the next email.", multiprocess_mode="livesum")


class RelayPool:
    """Hands messages to relays over kept connections. Shared by the threads of a worker."""

    def __init__(self, relays: Sequence[Relay], *, hostname: str, timeout: float, cooldown: float) -> None:
        self._relays = list(relays)
        self._hostname = hostname
        self._timeout = timeout
        self._cooldown = cooldown
        self._idle: dict[Relay, deque[BurstConnection]] = {relay: deque() for relay in self._relays}
        self._down_until: dict[Relay, float] = {}
        self._last_trouble = "no relay is configured"
        self._lock = threading.Lock()

    def deliver(
        self, envelope: Envelope, message: Stream, before_body: Callable[[], None]
    ) -> tuple[Relay, list[Outcome]]:
        """Delivers over the first relay that answers.

        Raises:
            RelayTrouble: none did, or the connection broke while the message was under way (it had not been
                handed over). The text says which relay and why.
            NeedsSevenBit: the relay that answers can't take the message in eight bits.
        """
        for relay in self._relays:
            if self._down_until.get(relay, 0) > time.monotonic():
                continue
            try:
                return relay, self._deliver_to(relay, envelope, message, before_body)
            except RelayTrouble as trouble:
                self._last_trouble = str(trouble)
                if trouble.blames_relay:
                    self._down_until[relay] = time.monotonic() + self._cooldown
        raise RelayTrouble(self._last_trouble)

    def burst(
        self,
        items: Callable[[], Iterator[Item]],
        begin: Callable[[Envelope], None],
        end: Callable[[str, Envelope, list[Outcome]], None],
    ) -> bool:
        """Hands messages over back to back (services.sender.burst) to the first relay that is up.

        Args:
            items: makes them anew for each connection.
            end: is also told which relay it was.

        Returns:
            False: no relay is up, or it takes no bursts; nothing was said to it.

        Raises:
            RelayTrouble: the connection broke.
        """
        relay = next((one for one in self._relays if self._down_until.get(one, 0) <= time.monotonic()), None)
        if relay is None:
            return False
        try:
            connection = self._kept(relay) or self._connected(relay)
        except RelayTrouble:  # each message on its own finds out which relay is up
            return False
        if connection.pipelines:
            connection.deliver_burst(items(), begin, lambda *said: end(str(relay), *said))
        self._keep(connection)
        return connection.pipelines

    def close(self) -> None:
        """Closes every idle connection."""
        for kept in self._idle.values():
            while kept:
                kept.pop().close()
                _IDLE.dec()

    def _deliver_to(
        self, relay: Relay, envelope: Envelope, message: Stream, before_body: Callable[[], None]
    ) -> list[Outcome]:
        connection = self._kept(relay)
        if connection is not None:
            try:
                return self._use(connection, envelope, message, before_body)
            except RelayTrouble:
                pass  # the relay had closed the kept connection: a fresh one decides
        return self._use(self._connected(relay), envelope, message, before_body)

    def _connected(self, relay: Relay) -> BurstConnection:
        """A new connection, counted."""
        try:
            made = BurstConnection(relay, self._hostname, self._timeout)
        except RelayTrouble:
            _CONNECTED.labels(str(relay), "failed").inc()
            raise
        _CONNECTED.labels(str(relay), "made").inc()
        return made

    def _use(
        self,
        connection: BurstConnection,
        envelope: Envelope,
        message: Stream,
        before_body: Callable[[], None],
    ) -> list[Outcome]:
        try:
            outcomes = connection.deliver(envelope, message, before_body)
        except NeedsSevenBit:
            self._keep(connection)
            raise
        self._keep(connection)
        return outcomes

    def _kept(self, relay: Relay) -> BurstConnection | None:
        while True:
            with self._lock:
                if not self._idle[relay]:
                    return None
                connection = self._idle[relay].pop()
            _IDLE.dec()
            if connection.usable and time.monotonic() - connection.idle_since < _MAX_IDLE:
                return connection
            connection.close()

    def _keep(self, connection: BurstConnection) -> None:
        if not connection.usable or connection.deliveries >= _MAX_DELIVERIES:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        with self._lock:
            self._idle[connection.relay].append(connection)
        _IDLE.inc()
