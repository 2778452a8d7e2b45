"""The stream of a PBX's events: kept open, opened again when it is lost, and checked with heartbeats."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import aiohttp
import orjson
import structlog

from voip_sms.net.ari.client import Ari
from voip_sms.net.ari.errors import AriError, AriRefusedError
from voip_sms.net.reconnect import BackOff

log = structlog.get_logger(__name__)

LOST: Final = BackOff(first=0.25, longest=5.0)
"""After a lost connection: callers hang in silence until we are back, and Asterisk boots in a second."""
REFUSED: Final = BackOff(first=5.0, longest=60.0)
"""After a wrong password, or when somebody took our name: a person has to look."""
STEADY: Final = 30.0
"""Seconds after which a connection was a good one; those that end sooner are tried ever more slowly."""
HEARTBEAT: Final = 10.0
"""Seconds between pings: a cut cable, or a PBX that froze, is noticed half of that after one."""
CLOSING: Final = 2.0
"""Seconds for the other side to say that it closes too."""

Event = dict[str, Any]


class AriEvents:
    """`run` it as a task. Calls come in the order of what happened.

    `hear` is given each event and must be quick. `opened` runs beside the reading, once for each
    connection; `lost` is called when one has ended, however it did.
    """

    def __init__(
        self,
        ari: Ari,
        *,
        hear: Callable[[Event], None],
        opened: Callable[[], Awaitable[None]],
        lost: Callable[[], None],
        random: Callable[[], float],
    ) -> None:
        self._ari = ari
        self._hear = hear
        self._opened = opened
        self._lost = lost
        self._random = random
        self.connected = False
        """Whether calls come in now."""
        self.why = "not yet connected"
        """Why not, in words for an operator."""

    async def run(self) -> None:
        """Until cancelled; then the stream is closed, and the dialplan knows that nobody is here."""
        tries = 0
        while True:
            before = asyncio.get_running_loop().time()
            pause = LOST
            try:
                await self._once()
            except _TakenError:
                self.why, pause = "another program took this application's name", REFUSED
            except AriRefusedError as error:
                self.why = str(error)
                if error.denied:  # what else it says, it may say while it boots
                    pause = REFUSED
            except AriError as error:
                self.why = str(error)
            except Exception as error:  # a fault of ours must not end the trying: no call would ever come in
                log.exception("asterisk_fault")
                self.why = type(error).__name__
            tries = 1 if asyncio.get_running_loop().time() - before >= STEADY else tries + 1
            if tries & (tries - 1) == 0:  # 1, 2, 4, 8: a PBX that is off over night makes ten lines
                log.warning("asterisk_not_connected", reason=self.why, tries=tries)
            await asyncio.sleep(pause.delay(tries - 1, self._random))

    async def _once(self) -> None:
        """Connect, and read to the end. AriError, _TakenError."""
        stream = await self._ari.listen(HEARTBEAT)
        self.connected, self.why = True, ""
        log.info("asterisk_connected", app=self._ari.app)
        beside = asyncio.ensure_future(self._settle())
        try:
            await self._read(stream)
        finally:
            self.connected, self.why = False, "the connection ended"
            beside.cancel()
            self._lost()
            await asyncio.wait((beside,))
            await _close(stream)

    async def _settle(self) -> None:
        try:
            await self._opened()
        except AriError as error:
            log.warning("asterisk_not_settled", reason=str(error))
        except Exception:
            log.exception("asterisk_fault")

    async def _read(self, stream: aiohttp.ClientWebSocketResponse) -> None:
        async for message in stream:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = _decoded(message.data)
            if event.get("type") == "ApplicationReplaced":
                raise _TakenError
            try:
                self._hear(event)
            except Exception:  # one odd event must not end the calls of all others
                log.exception("asterisk_event_failed", event_type=event.get("type"))


class _TakenError(Exception):
    """Somebody else connected as our application: of two, Asterisk keeps the later."""


def _decoded(text: str) -> Event:
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        log.warning("asterisk_event_unreadable", octets=len(text))
        return {}
    return event


async def _close(stream: aiohttp.ClientWebSocketResponse) -> None:
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(CLOSING):
            await stream.close()
