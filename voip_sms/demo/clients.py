"""The programs of the story: somebody's HTTP client, and the hands that hold the simulated handsets."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

Json = Mapping[str, Any]

POLL_SECONDS = 0.05
WAIT_SECONDS = 20.0


class Answered(Exception):  # noqa: N818 - what an HTTP server said, where the story expected otherwise
    """An answer with an unexpected status."""


class Http:
    """JSON over HTTP to one base address; `address` may change when the service comes back elsewhere."""

    def __init__(self, address: str, token: str = "") -> None:
        self.address = address
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Json, Mapping[str, str]]:
        """Status, parsed body and headers of one request; at most 30 s."""
        async with self._open().request(
            method, f"http://{self.address}{path}", json=body, headers={**self._headers, **(headers or {})}
        ) as response:
            parsed = await response.json(content_type=None) if await response.read() else {}
            return response.status, parsed or {}, response.headers

    async def text(self, path: str) -> str:
        """The body of an answer that is no JSON."""
        async with self._open().get(f"http://{self.address}{path}") as response:
            return await response.text()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self._session

    async def get(self, path: str) -> Json:
        """The body of a 200."""
        return await self._expect(200, "GET", path)

    async def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Json:
        """The body of a 202."""
        return await self._expect(202, "POST", path, body, headers)

    async def _expect(
        self,
        wanted: int,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        status, answer, _ = await self.call(method, path, body, headers)
        if status != wanted:
            raise Answered(f"{method} {path}: {status} {dict(answer)}")
        return answer


class Handsets:
    """The simulator's HTTP interface."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def messages(self, number: str) -> list[Json]:
        """What a handset has received."""
        answer: list[Json] = (await self._http.get(f"/handsets/{number.removeprefix('+')}/messages"))["data"]
        return answer

    async def received(self, number: str, text: str, within: float = WAIT_SECONDS) -> Json:
        """Wait until a handset shows exactly this text."""
        found: Json = await until(
            lambda: self._find(number, lambda message: message["text"] == text),
            f"{number} did not receive {text[:40]!r}",
            within,
        )
        return found

    async def send(self, number: str, to: str, text: str) -> None:
        """Type a text on a handset."""
        await self._http.post(f"/handsets/{number.removeprefix('+')}/send", {"to": to, "text": text})

    async def fault(self, fault: str, **details: object) -> None:
        """Switch a fault on."""
        status, answer, _ = await self._http.call("POST", "/faults", {"fault": fault, **details})
        if status not in (200, 201, 202):
            raise Answered(f"POST /faults: {status} {dict(answer)}")

    async def heal(self) -> None:
        """Switch all faults off."""
        await self._http.call("DELETE", "/faults")

    async def _find(self, number: str, wanted: Callable[[Json], bool]) -> Json | None:
        return next((message for message in await self.messages(number) if wanted(message)), None)


async def until(
    look: Callable[[], Any], complaint: str, within: float = WAIT_SECONDS, step: float = POLL_SECONDS
) -> Any:
    """Look again and again until there is something; TimeoutError(complaint) after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = await look()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(complaint)
        await asyncio.sleep(step)
