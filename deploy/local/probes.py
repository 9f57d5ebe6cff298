"""Is it ready? Each probe asks the real thing once and answers True or False."""

from __future__ import annotations

import logging
import urllib.request

import pika
import pika.exceptions
import psycopg2
import redis

#: A server that is still starting refuses connections: here that is an answer, not worth a traceback.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def postgres_answers(url: str) -> bool:
    """PostgreSQL accepts a connection."""
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def rabbitmq_answers(url: str) -> bool:
    """RabbitMQ completes the AMQP handshake."""
    parameters = pika.URLParameters(url)
    parameters.connection_attempts = 1
    parameters.socket_timeout = 2
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


def redis_answers(url: str) -> bool:
    """Redis answers PING."""
    try:
        return bool(redis.Redis.from_url(url, socket_connect_timeout=1).ping())
    except redis.RedisError:
        return False


def http_ok(url: str) -> bool:
    """The address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - loopback, our own ports
            return bool(response.status == 200)
    except OSError:
        return False
