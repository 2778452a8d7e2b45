"""The fastest that the HTTP library alone can be: reads a body and answers 202, in a process of its own."""

import asyncio
import json
import os
import signal

import uvloop
from aiohttp import web

ANSWER = b'{"status":"accepted"}'


async def _accept(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=ANSWER, status=202, content_type="application/json")


async def _serve() -> None:
    app = web.Application()
    app.router.add_post("/v1/messages", _accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    host, port = runner.addresses[0][:2]
    print("ready " + json.dumps({"pid": os.getpid(), "http": f"{host}:{port}"}), flush=True)
    await told_to_stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve())
