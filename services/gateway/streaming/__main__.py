"""`python -m services.gateway.streaming HOST PORT`: one process; more of them share the watchers among
them.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from services.gateway.app import create_app
from services.gateway.streaming.server import Server


async def serve(host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await Server(create_app()).serve(host, port, stop)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
