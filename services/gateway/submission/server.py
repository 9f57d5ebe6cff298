"""The process: both ports, certificates that change under it, an orderly end."""

from __future__ import annotations

import asyncio
import logging
import signal
import time

from services.gateway.submission.doors import Doors
from services.gateway.submission.protocol import Submission
from services.gateway.submission.tls import Certificates
from shared.health import start_beating
from shared.observability import configure_logging, get_logger
from shared.settings import Settings, settings

log = get_logger("submission")

_BACKLOG = 512
#: How often (seconds) certificates are looked at.
_LOOK_SECONDS = 1.0
#: A loop that was not round for this long (seconds) is not alive.
_STUCK_SECONDS = 10.0


class Pulse:
    """Whether the loop still goes round."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        """It does."""
        self._last = time.monotonic()

    def alive(self) -> bool:
        """Whether it did lately."""
        return time.monotonic() - self._last < _STUCK_SECONDS


async def serve(config: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    doors = Doors(config, Certificates.configured(config))
    servers = [
        await asyncio.get_running_loop().create_server(
            lambda implicit=implicit: Submission(doors, implicit_tls=implicit),  # type: ignore[misc]
            config.smtp_listen,
            port,
            backlog=_BACKLOG,
        )
        for port, implicit in ((config.smtp_port, False), (config.smtps_port, True))
    ]
    pulse = Pulse()
    looking = asyncio.create_task(_look(doors, pulse))
    start_beating(pulse.alive)
    log.info("submission.started", port=config.smtp_port, tls_port=config.smtps_port)
    await stop.wait()
    for server in servers:
        server.close()
    await doors.close()
    looking.cancel()
    log.info("submission.stopped")


async def _look(doors: Doors, pulse: Pulse) -> None:
    while True:
        pulse.beat()
        await asyncio.to_thread(doors.certificates.refresh)
        await asyncio.sleep(_LOOK_SECONDS)


def main() -> None:
    """Runs SMTP submission."""
    configure_logging()
    logging.getLogger("mail.log").setLevel(
        "CRITICAL"
    )  # aiosmtpd's own words, which know no secrets from others
    asyncio.run(serve(settings()))
