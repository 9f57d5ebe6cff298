"""RabbitMQ through dramatiq: the broker, its queues and `@consumes`.

Queues are durable quorum queues, so a node of the cluster may be lost. Messages are nudges: an actor that
keeps failing gives its message up to the dead-letter queue, and the sweeper nudges again out of Postgres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import dramatiq
import pika
import pika.exceptions
from dramatiq.brokers.rabbitmq import DEAD_MESSAGE_TTL, RabbitmqBroker
from dramatiq.common import xq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import (
    Callbacks,
    CurrentMessage,
    Middleware,
    Pipelines,
    Retries,
    ShutdownNotifications,
)

from shared.contracts import Contract
from shared.db import DatabaseUnavailable
from shared.metrics import Counter, Histogram
from shared.observability import request_scope
from shared.settings import settings

C = TypeVar("C", bound=Contract)

#: A failing actor is retried after 1, 2 and 4 s and then left to the sweeper: longer waits belong in the
#: outbox.
_TRIES = 3
_RETRIES = Retries(max_retries=_TRIES, min_backoff=1_000, max_backoff=4_000)


_SECONDS = Histogram(
    "mailmatic_message_seconds",
    "How long workers took over messages.",
    ["actor"],
    buckets=(0.01, 0.05, 0.2, 1.0, 5.0, 30.0),
)
_FAILED = Counter("mailmatic_message_failures_total", "Messages that raised.", ["actor"])

#: What publishing raises where RabbitMQ is away, or does not confirm.
BROKER_TROUBLE = (ConnectionClosed, pika.exceptions.AMQPError, OSError)


class QuorumBroker(RabbitmqBroker):
    """dramatiq's broker with quorum queues and confirmed publishing."""

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        arguments: dict[str, Any] = super()._build_queue_arguments(queue_name)  # type: ignore[no-untyped-call]
        return {**arguments, "x-queue-type": "quorum"}

    def _declare_xq_queue(self, queue_name: str) -> Any:
        return self.channel.queue_declare(
            queue=xq_name(queue_name),
            durable=True,
            arguments={"x-message-ttl": DEAD_MESSAGE_TTL, "x-queue-type": "quorum"},
        )


def connect_broker(*extra: Middleware) -> QuorumBroker:
    """A broker for this process, set as dramatiq's; connects at first use.

    Args:
        extra: middleware of the calling worker, after ours.
    """
    middleware = [
        ShutdownNotifications(),
        Callbacks(),
        Pipelines(),
        _RETRIES,
        CurrentMessage(),
        *extra,
    ]
    broker = QuorumBroker(url=settings().rabbitmq_url, confirm_delivery=True, middleware=middleware)
    dramatiq.set_broker(broker)
    return broker


def publish(broker: QuorumBroker, message: Contract, request_id: str | None) -> None:
    """Hands `message` to RabbitMQ and waits for its confirmation.

    Raises:
        dramatiq.errors.ConnectionClosed: RabbitMQ can't be reached; pika's own errors otherwise.
    """
    broker.enqueue(
        dramatiq.Message(
            queue_name=message.queue,
            actor_name=message.actor,
            args=(),
            kwargs={"payload": message.payload()},
            options={"request_id": request_id},
        )
    )


def publish_without_outbox(broker: QuorumBroker, message: Contract) -> None:
    """`publish` for what has no row to agree with: hits of the tracker, and nothing else."""
    publish(broker, message, None)


def consumes(
    contract: type[C], *, outlasts_database: bool = False
) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
    """Makes a function of one contract the actor that consumes it, inside the request id it came with.

    Args:
        outlasts_database: whether it is tried for as long as the database is away, because nobody could nudge
            again: the message is the only one there is.
    """
    options: dict[str, Any] = {"retry_when": _until_the_database_is_back} if outlasts_database else {}

    def decorate(function: Callable[[C], None]) -> Callable[[C], None]:
        seconds = _SECONDS.labels(contract.actor)
        failed = _FAILED.labels(contract.actor)

        @dramatiq.actor(
            actor_name=contract.actor, queue_name=contract.queue, notify_shutdown=False, **options
        )
        def act(payload: dict[str, Any]) -> None:
            message = CurrentMessage.get_current_message()
            with (
                request_scope(message.options.get("request_id") if message else None),
                seconds.time(),
                failed.count_exceptions(),
            ):
                function(contract.parse(payload))

        return function

    return decorate


def _until_the_database_is_back(retries: int, error: Exception) -> bool:
    return isinstance(error, DatabaseUnavailable) or retries < _TRIES


def ping(url: str) -> None:
    """Opens and closes a connection to RabbitMQ; raises pika's errors when it can't."""
    _connection(url).close()


def depths(url: str, queues: Iterable[str]) -> dict[str, int]:
    """How many messages wait in each of `queues`; those that nobody has declared yet are left out."""
    found = {}
    connection = _connection(url)
    try:
        for queue in queues:
            channel = connection.channel()
            try:
                found[queue] = channel.queue_declare(queue, passive=True).method.message_count
            except pika.exceptions.ChannelClosedByBroker:
                continue
            channel.close()
    finally:
        connection.close()
    return found


def _connection(url: str) -> pika.BlockingConnection:
    parameters = pika.URLParameters(url)
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.blocked_connection_timeout = 2
    return pika.BlockingConnection(parameters)
