"""Spoken texts over HTTP, for a PBX on another host."""

from typing import Final

from aiohttp import web

from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.net.http.server import HttpServer

PATH: Final = "/ivr/prompts/{name}"
KEPT: Final = 3600
"""Seconds that a PBX may keep a sound: the same name is the same sound."""


def register(http: HttpServer, prompts: Prompts) -> None:
    """Serve the sounds. Nobody is asked who they are: a name is 128 bits that only the PBX is told."""

    async def sound(request: web.Request) -> web.StreamResponse:
        octets = await prompts.read(request.match_info["name"])
        if octets is None:
            raise web.HTTPNotFound
        return web.Response(
            body=octets, content_type="audio/wav", headers={"Cache-Control": f"private, max-age={KEPT}"}
        )

    http.add("GET", PATH, sound)
