"""An Asterisk's REST interface that records what it is asked, and fails when it is told to."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import WSCloseCode, web

from support.waiting import eventually
from voip_sms.net.ari import AsteriskSettings

ENTITY = "02:00:00:00:00:01"


@dataclass
class Channel:
    """One call as the PBX sees it. `where`: `stasis`, `dialplan` (it was continued), `gone`."""

    id: str
    app: str
    args: tuple[str, ...]
    caller: str = ""
    called: str = "100"
    state: str = "Up"
    where: str = "stasis"
    variables: dict[str, str] = field(default_factory=dict)
    left_to: dict[str, str] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    """What a caller heard the beginning of, in order."""
    stopped: list[str] = field(default_factory=list)
    """What was cut off."""

    def shown(self) -> dict[str, Any]:
        app = "Stasis" if self.where == "stasis" else "Wait"
        data = ",".join((self.app, *self.args)) if app == "Stasis" else "30"
        return {
            "id": self.id,
            "name": f"PJSIP/{self.id}",
            "state": self.state,
            "creationtime": "2026-11-22T10:00:00.123+0000",
            "caller": {"name": "", "number": self.caller},
            "dialplan": {"context": "from-internal", "exten": self.called, "priority": 3}
            | {"app_name": app, "app_data": data},
        }


@dataclass
class Fault:
    """What to do instead of answering: a status, `hang` or `drop`; so many times."""

    what: int | str
    left: int = 1000


class FakeAri:
    """`url` after `start`. `sounds`: those it has; `plays`: seconds that each takes, None until `finish`."""

    def __init__(self) -> None:
        self.url = ""
        self.sounds = {"beep", "digits/1"}
        self.plays: float | None = 0.0
        self.channels: dict[str, Channel] = {}
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.faults: dict[tuple[str, str], Fault] = {}
        self.password = "hush"
        self.slow_play: asyncio.Event | None = None
        """Orders to play are answered when it is set; what was ordered begins before."""
        self.refuse_stream = 0
        self.streams: dict[str, web.WebSocketResponse] = {}
        self.opened: Counter[str] = Counter()
        self._playing: dict[str, tuple[Channel, asyncio.Task[None]]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._clock = datetime(2026, 11, 22, 10, tzinfo=UTC)

    # --- life ---

    async def start(self) -> None:
        """Listen, at the same port as before."""
        app = web.Application()
        app.router.add_get("/ari/events", self._events)
        app.router.add_route("*", "/ari/{tail:.*}", self._request)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """As when Asterisk ends: every call with it."""
        for _, task in list(self._playing.values()):
            task.cancel()
        self._playing.clear()
        self.channels.clear()
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def cut(self) -> None:
        """End all streams; calls stay where they are."""
        for stream in list(self.streams.values()):
            await stream.close(code=WSCloseCode.GOING_AWAY)
        self.streams.clear()

    def settings(self, app: str = "voip-sms", password: str = "") -> AsteriskSettings:
        return AsteriskSettings.model_validate(
            {"url": self.url, "user": "sms", "password": password or self.password, "app": app}
        )

    # --- what happens at the PBX ---

    async def call(self, *args: str, **fields: Any) -> Channel:
        """A call enters Stasis; its channel. Without an application connected the dialplan goes on."""
        app = fields.pop("app", "voip-sms")
        channel = Channel(fields.pop("id", f"1795.{len(self.channels)}"), app, args, **fields)
        self.channels[channel.id] = channel
        if app not in self.streams:
            channel.where = "dialplan"
            return channel
        await self.tell("StasisStart", channel, args=list(args))
        return channel

    async def press(self, channel: Channel, keys: str, times: int = 1) -> None:
        """Keys, as fast as people press them; `times` 2 is what an application sees that is subscribed to the
        endpoint too.
        """
        for key in keys:
            self._clock += timedelta(milliseconds=350)
            stamp = self._clock.isoformat(timespec="milliseconds").replace("+00:00", "+0000")
            for _ in range(times):
                await self.tell("ChannelDtmfReceived", channel, digit=key, duration_ms=100, timestamp=stamp)

    async def hang_up(self, channel: Channel) -> None:
        channel.where = "gone"
        self.channels.pop(channel.id, None)
        await self.tell("StasisEnd", channel)
        await self.tell("ChannelDestroyed", channel, cause=16)

    async def finish(self, channel: Channel, state: str = "done") -> None:
        """What plays now has ended."""
        for name, (whose, task) in list(self._playing.items()):
            if whose is channel:
                task.cancel()
                await self._over(name, channel, state)

    async def tell(self, kind: str, channel: Channel, **more: Any) -> None:
        event = {"type": kind, "application": channel.app, "asterisk_id": ENTITY, "channel": channel.shown()}
        await self.send(channel.app, event | more)

    async def send(self, app: str, event: Any) -> None:
        if app in self.streams:
            with suppress(ConnectionError):
                await self.streams[app].send_json(event)

    async def connected(self, times: int = 1, app: str = "voip-sms") -> None:
        """Until an application has connected so many times."""
        await eventually(lambda: self.opened[app] >= times, f"no {app} connected")

    def fail(self, method: str, what: str, how: int | str, times: int = 1000) -> None:
        """`what`: the last fixed word of the path, as `play`, `continue`, `variable`, `channels`."""
        self.faults[(method, what)] = Fault(how, times)

    def asked(self, method: str, word: str) -> list[str]:
        """The paths that were asked for, with this word in them."""
        return [path for done, path in self.requests if done == method and word in path.split("/")]

    # --- HTTP ---

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_stream:
            return web.Response(status=self.refuse_stream)
        if not self._known(request):
            return web.json_response({"error": "Authentication required"}, status=401)
        app = request.query["app"]
        stream = web.WebSocketResponse()
        await stream.prepare(request)
        if app in self.streams:
            await self.send(app, {"type": "ApplicationReplaced", "application": app})
        self.streams[app] = stream
        self.opened[app] += 1
        async for _ in stream:
            pass
        if self.streams.get(app) is stream:
            del self.streams[app]
        return stream

    def _known(self, request: web.Request) -> bool:
        wanted = base64.b64encode(f"sms:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {wanted}"

    async def _request(self, request: web.Request) -> web.StreamResponse:
        tail = request.match_info["tail"]
        words = tail.split("/")
        self.requests.append((request.method, tail))
        if request.can_read_body:
            self.bodies.append(await request.json())
        if not self._known(request):
            return web.json_response({"error": "Authentication required"}, status=401)
        for word in words:
            fault = self.faults.get((request.method, word))
            if fault is not None and fault.left > 0:
                fault.left -= 1
                return await _failed(request, fault.what)
        return await self._answer(request.method, words, request)

    async def _answer(self, method: str, words: list[str], request: web.Request) -> web.StreamResponse:
        if words[0] == "sounds":
            known = "/".join(words[1:]) in self.sounds
            return _json({"id": words[1]}) if known else _json({"message": "Sound not found"}, 404)
        if words[0] == "asterisk":
            return _json({"system": {"version": "22.10.1", "entity_id": ENTITY}})
        if words[0] == "playbacks":
            return await self._stop_playing(words[1])
        if words == ["channels"]:
            if method == "POST":
                return _json({"id": "1795.99", "name": "Local/1"})
            return _json([channel.shown() for channel in self.channels.values()])
        return await self._of_channel(method, words, request)

    async def _of_channel(self, method: str, words: list[str], request: web.Request) -> web.StreamResponse:
        channel = self.channels.get(words[1])
        if channel is None:
            return _json({"message": "Channel not found"}, 404)
        if method == "DELETE":
            await self.hang_up(channel)
            return web.Response(status=204)
        if channel.where != "stasis":
            return _json({"message": "Channel not in Stasis application"}, 409)
        body = await request.json() if request.body_exists else {}
        actions: dict[str, Callable[[], Any]] = {
            "answer": lambda: setattr(channel, "state", "Up"),
            "continue": lambda: self._continue(channel, dict(request.query)),
            "variable": lambda: self._variable(channel, method, dict(request.query) | body),
            "play": lambda: self._play(channel, words[-1], request.query["media"]),
        }
        found = actions[words[2]]()
        if asyncio.iscoroutine(found):
            found = await found
        return found if isinstance(found, web.StreamResponse) else web.Response(status=204)

    def _variable(self, channel: Channel, method: str, query: dict[str, str]) -> web.Response | None:
        name = query["variable"]
        if method == "GET":
            if name not in channel.variables:
                return _json({"message": "Provided variable was not found"}, 404)
            return _json({"value": channel.variables[name]})
        channel.variables[name] = query["value"]
        return None

    async def _continue(self, channel: Channel, query: dict[str, str]) -> None:
        channel.where, channel.left_to = "dialplan", query
        await self.tell("StasisEnd", channel)

    async def _play(self, channel: Channel, name: str, media: str) -> web.Response:
        channel.played.append(media)
        self._playing[name] = channel, asyncio.create_task(self._sounding(name, channel, media))
        if self.slow_play is not None:
            await self.slow_play.wait()
        return _json({"id": name, "media_uri": media, "state": "queued"}, 201)

    async def _sounding(self, name: str, channel: Channel, media: str) -> None:
        await self.send(channel.app, self._playback("PlaybackStarted", name, channel, "playing"))
        sound = media.removeprefix("sound:")
        if not sound.startswith(("/", "http://")) and sound not in self.sounds:
            await self._over(name, channel, "failed")
        elif self.plays is not None:
            await asyncio.sleep(self.plays)
            await self._over(name, channel, "done")

    async def _over(self, name: str, channel: Channel, state: str) -> None:
        if self._playing.pop(name, None) is not None:
            await self.send(channel.app, self._playback("PlaybackFinished", name, channel, state))

    async def _stop_playing(self, name: str) -> web.Response:
        if name not in self._playing:
            return _json({"message": "Playback not found"}, 404)
        channel, task = self._playing[name]
        task.cancel()
        channel.stopped.append(channel.played[-1])
        await self._over(name, channel, "done")
        return web.Response(status=204)

    @staticmethod
    def _playback(kind: str, name: str, channel: Channel, state: str) -> dict[str, Any]:
        playback = {"id": name, "target_uri": f"channel:{channel.id}", "state": state}
        return {"type": kind, "asterisk_id": ENTITY, "application": channel.app, "playback": playback}


def _json(found: Any, status: int = 200) -> web.Response:
    return web.json_response(found, status=status)


async def _failed(request: web.Request, how: int | str) -> web.StreamResponse:
    if isinstance(how, int):
        return _json({"message": "told to fail"}, how)
    if how == "hang":
        await asyncio.sleep(60)
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


@asynccontextmanager
async def fake_ari() -> AsyncIterator[FakeAri]:
    ari = FakeAri()
    await ari.start()
    try:
        yield ari
    finally:
        await ari.stop()
