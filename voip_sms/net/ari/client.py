"""Requests to the Asterisk REST Interface, each within bounds, and nothing of them in the log."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from voip_sms.net.ari.errors import DENIED, AriLostError, AriRefusedError, AriUnreachableError
from voip_sms.net.ari.settings import AsteriskSettings

DEADLINE: Final = 5.0
"""Seconds for one request: a PBX in the same rack answers in milliseconds, and a caller is waiting."""
CONNECT: Final = 2.0
ANSWER_MOST: Final = 8 * 2**20
"""Octets of an answer: the list of five thousand channels."""
CONNECTIONS: Final = 20
"""At a time; more requests wait for one. Asterisk's `sessionlimit` is 100 unless http.conf says else."""
KEPT: Final = 5.0
"""Seconds that an idle connection is kept: less than Asterisk's `session_keep_alive`, 15, so that no request
meets a connection that is being closed."""
_REASON: Final = 200
_SUCCESS: Final = 300

Params = Mapping[str, str]


class Ari:
    """One per process; `close` it. Every call raises AriUnreachableError, AriLostError, AriRefusedError."""

    def __init__(self, settings: AsteriskSettings, *, deadline: float = DEADLINE) -> None:
        self._base = f"{settings.url}/ari/"
        self._deadline = deadline
        self._settings = settings
        self._opened: aiohttp.ClientSession | None = None

    @property
    def app(self) -> str:
        """The application's name."""
        return self._settings.app

    async def get(self, *path: str, **params: str) -> Any:
        """What is at `path`, a name at a time, decoded."""
        return await self.call("GET", *path, params=params)

    async def post(self, *path: str, **params: str) -> Any:
        """Do something, with these parameters."""
        return await self.call("POST", *path, params=params)

    async def delete(self, *path: str, **params: str) -> Any:
        """End or take away what is at `path`."""
        return await self.call("DELETE", *path, params=params)

    async def call(
        self, method: str, *path: str, params: Params | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """One request. Names of the path may hold any character; `body` goes as JSON. None without answer."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._session().request(
                    method,
                    self._at(*path),
                    params=params,
                    data=None if body is None else orjson.dumps(body),
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                return _read(response.status, await _octets(response))
        except aiohttp.ClientConnectorError as error:
            raise AriUnreachableError(f"no connection: {error.strerror or type(error).__name__}") from None
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise AriUnreachableError(f"no connection within {CONNECT:g} s") from None
            raise AriLostError(f"no answer within {self._deadline:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise AriLostError(f"the connection broke: {type(error).__name__}") from None

    async def listen(self, heartbeat: float) -> aiohttp.ClientWebSocketResponse:
        """The open stream of our application's events; from now on Stasis() finds us."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._session().ws_connect(
                    self._at("events"),
                    params={"app": self.app, "subscribeAll": "false"},
                    heartbeat=heartbeat,
                    max_msg_size=2**20,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise AriRefusedError(error.status, _HINTS.get(error.status, "")) from None
        except TimeoutError:
            raise AriUnreachableError(f"no answer within {self._deadline:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnreachableError(f"no connection: {_why(error)}") from None

    async def close(self) -> None:
        """Let go of all connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _session(self) -> aiohttp.ClientSession:
        """Made at the first request, which runs in the loop that it belongs to."""
        if self._opened is None:
            login = aiohttp.encode_basic_auth(
                self._settings.user, self._settings.password.get_secret_value(), "utf-8"
            )
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT),
                headers={"Authorization": login},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),  # `_deadline` is the whole
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            # COMPAT aiohttp 3.14 repeats GET, PUT and DELETE by itself when a connection breaks: a text for a
            # phone is a PUT, and would go out twice.
            self._opened._retry_connection = False  # noqa: SLF001 - there is no other way
        return self._opened

    def _at(self, *path: str) -> URL:
        return URL(self._base + "/".join(quote(name, safe="") for name in path), encoded=True)


_HINTS: Final = {
    401: "user or password is not that of ari.conf",
    403: "this ARI user may only read; set read_only=no",
    404: "no ARI here: is res_ari loaded, enabled=yes in ari.conf and in http.conf, the prefix right?",
}


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


async def _octets(response: aiohttp.ClientResponse) -> bytes:
    octets = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        octets += chunk
        if len(octets) > ANSWER_MOST:
            raise aiohttp.ClientPayloadError("too large")
    return bytes(octets)


def _read(status: int, octets: bytes) -> Any:
    try:
        answer = orjson.loads(octets) if octets else None
    except orjson.JSONDecodeError:
        answer = None
    if status < _SUCCESS:
        return answer
    said = answer.get("message") or answer.get("error") if isinstance(answer, dict) else None
    hint = _HINTS.get(status, "")
    raise AriRefusedError(status, str(said)[:_REASON] if said and status not in DENIED else hint)
