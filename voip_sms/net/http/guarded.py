"""Sends requests to URLs that customers chose, and never to a place that is not theirs to reach (SSRF).

Per request: the host is resolved once, every address that it has is checked, and the connection goes to a
checked one. Only https and only public addresses, but for the operator's exceptions; no redirects, no
proxies, no cookies; one deadline for everything; answers are reduced to their status.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from voip_sms.net.http.public import is_public, read_address, read_exceptions

DEADLINE: Final = 13.0
"""Seconds for resolving, connecting, TLS, sending and the answer's head; with the body 15 in all."""
BODY_SECONDS: Final = 2.0
"""The status is known by then: a body is read only so that an honest server isn't cut off in a sentence."""
BODY_OCTETS: Final = 64 * 1024
URL_LIMIT: Final = 16 * 1024
"""A GET with ten parts of text in it, percent-encoded, has two thirds of that."""
ADDRESSES: Final = 16
"""Of one host: more are not tried (and not needed)."""
RESOLVING: Final = 8
"""Names looked up at once. Threads of our own: names that are slow on purpose hold up webhooks only."""


class UrlForbiddenError(Exception):
    """This URL is not for us to call: its scheme, its form, or where it leads. Nothing was sent."""


class UnreachableError(Exception):
    """No connection came about. Nothing was sent."""


class AnswerLostError(Exception):
    """The request may have been received; no answer came in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, and all of it that we look at. `retry_after` in seconds."""

    status: int
    retry_after: int | None = None


class GuardedClient:
    """One per process. `allow`: exceptions such as `http://127.0.0.0/8`; ValueError for a malformed one."""

    def __init__(self, allow: Iterable[str] = (), *, deadline: float = DEADLINE) -> None:
        self._exceptions = read_exceptions(allow)
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(RESOLVING, thread_name_prefix="webhook-dns")

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """One request; a percent-encoded URL stays as it is.

        Raises UrlForbiddenError, UnreachableError, AnswerLostError.
        """
        target = _target(url)
        try:
            async with asyncio.timeout(self._deadline) as limit:
                request = _Request(method, target, headers, body, await self._checked(target))
                return await _exchange(request, answered=lambda: limit.reschedule(None))
        except TimeoutError as error:
            raise AnswerLostError("timeout") from error

    async def close(self) -> None:
        """Look up no more names. Look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _checked(self, url: URL) -> list[str]:
        """The host's addresses, all of which may be reached by this URL."""
        found = await self._resolve(url.raw_host or "", url.port or 0)
        for text in found:
            address = read_address(text)
            public = url.scheme == "https" and is_public(address)
            if not public and not self._exceptions.allow(url.scheme, address):
                raise UrlForbiddenError("address_not_public" if url.scheme == "https" else "not_https")
        return found

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            # Literal addresses too, in every spelling that connecting would understand (0x7f.1, 2130706433).
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise UnreachableError("unknown_host") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))[:ADDRESSES]


def _target(url: str) -> URL:
    """The URL, if it has the form of one that we may call."""
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        raise UrlForbiddenError("malformed")
    try:
        target = URL(url, encoded=True)
        sound = bool(target.raw_host) and target.port is not None and "\\" not in url
    except ValueError as error:
        raise UrlForbiddenError("malformed") from error
    if target.scheme not in ("http", "https") or not sound:
        raise UrlForbiddenError("malformed")
    return target


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    addresses: list[str]


async def _exchange(request: _Request, answered: Callable[[], None]) -> Answer:
    """`answered` is called when the status is known: what follows has a bound of its own."""
    pinned = _Pinned(request.addresses)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=pinned, use_dns_cache=False, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # the caller's deadline covers everything
        auto_decompress=False,
        trust_env=False,
    )
    try:
        async with (
            session,
            session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response,
        ):
            answered()
            await _finish(response)
            return Answer(response.status, _seconds(response.headers.get("Retry-After", "")))
    except aiohttp.InvalidURL as error:  # a spelling of an address that only some would understand
        raise UrlForbiddenError("malformed") from error
    except aiohttp.ClientConnectorError as error:  # TLS and certificates too
        raise UnreachableError(type(error).__name__) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise AnswerLostError(type(error).__name__) from error


async def _finish(response: aiohttp.ClientResponse) -> None:
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            left = BODY_OCTETS
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)


def _seconds(text: str) -> int | None:
    """Retry-After as seconds (RFC 9110 10.2.3); its other form, a date, would trust two clocks."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("604800") else None


class _Pinned(AbstractResolver):
    """Answers with the addresses that were checked, whatever is asked."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's; we connect to any
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""
