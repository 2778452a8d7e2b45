"""The fastest that the SMTP library alone can be: aiosmtpd reads a mail and says 250, in its own process."""

import asyncio
import json
import os
import signal
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP


class _Taker:
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        del server, session, envelope
        return "250 OK"


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Taker(), hostname="sms.test", loop=loop), "127.0.0.1", 0, backlog=128
    )
    told_to_stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    host, port = server.sockets[0].getsockname()[:2]
    print("ready " + json.dumps({"pid": os.getpid(), "smtp": f"{host}:{port}"}), flush=True)
    await told_to_stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
