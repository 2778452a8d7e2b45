"""Kannel, the gateway we compare with: bearerbox and smsbox in a private folder, on loopback, spool store."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

import aiohttp

from voip_sms.demo.children import end

# Debian keeps the programs where a user's path does not look.
FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/bin"
# Both boxes start in under a second; the bind takes one look of Kannel's at its configuration more.
START = 20.0
# It writes its store and unbinds; then it is ended by force.
STOP = 15.0
POLL = 0.1
PASSWORD = "bench"  # of a server on loopback that lives for one run


@dataclass(frozen=True, slots=True)
class Smsc:
    """The carrier to bind to; `window` is how many submits may be under way."""

    host: str
    port: int
    system_id: str = "sim"
    password: str = "sim"
    window: int = 10


class KannelFailedError(Exception):
    """A box ended, or the carrier was not bound within the bound; the text holds the end of its log."""


class Kannel:
    """One gateway, its files in `folder`. GET of `url(to, text)` sends one SMS: 202 means accepted."""

    def __init__(self, smsc: Smsc, folder: Path) -> None:
        self.smsc = smsc
        self.folder = folder
        self.admin_port, self.box_port, self.send_port = _free_ports(3)
        self._boxes: list[asyncio.subprocess.Process] = []

    @staticmethod
    def available() -> bool:
        """Whether Debian's package `kannel` is installed."""
        return all(_program(name) for name in ("bearerbox", "smsbox"))

    @property
    def pids(self) -> list[int]:
        return [box.pid for box in self._boxes]

    def url(self, to: str, text: str, sender: str = "ACME") -> str:
        query = {"username": "bench", "password": PASSWORD, "from": sender, "to": to, "text": text}
        return f"http://127.0.0.1:{self.send_port}/cgi-bin/sendsms?{urlencode(query | {'charset': 'UTF-8'})}"

    async def start(self) -> Self:
        """Start both boxes and wait until the carrier is bound and a request would be taken."""
        (self.folder / "spool").mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "kannel.conf"
        configuration.write_text(_configuration(self), encoding="utf-8")
        try:
            async with asyncio.timeout(START):
                await self._launch("bearerbox", configuration)
                await self._until(self._box_port_open)
                await self._launch("smsbox", configuration)
                await self._until(self._in_service)
        except (TimeoutError, KannelFailedError):
            await self.stop()
            raise KannelFailedError(f"Kannel did not get ready\n{self._logs()}") from None
        return self

    async def status(self) -> str:
        """Kannel's own report: queues, counters, connections."""
        address = f"http://127.0.0.1:{self.admin_port}/status.txt?password={PASSWORD}"
        async with aiohttp.ClientSession() as client, client.get(address) as response:
            return await response.text()

    async def stop(self) -> None:
        """End both by their own pids, the entrance first."""
        for box in reversed(self._boxes):
            await end(box, within=STOP)
        self._boxes.clear()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _launch(self, name: str, configuration: Path) -> None:
        program = _program(name)
        if program is None:
            raise KannelFailedError("apt-get install kannel")
        with (self.folder / f"{name}.out").open("wb") as out:
            self._boxes.append(
                await asyncio.create_subprocess_exec(
                    program, str(configuration), stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
                )
            )

    async def _until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        while not await ready():
            if any(box.returncode is not None for box in self._boxes):
                raise KannelFailedError("a box ended")
            await asyncio.sleep(POLL)

    async def _box_port_open(self) -> bool:
        return await _listens(self.box_port)

    async def _in_service(self) -> bool:
        if not await _listens(self.send_port):
            return False
        with contextlib.suppress(aiohttp.ClientError):
            return "(online" in (await self.status()).partition("SMSC connections")[2]
        return False

    def _logs(self) -> str:
        return "\n".join(
            file.read_text(encoding="utf-8", errors="replace")[-2000:] for file in self.folder.glob("*.out")
        )


def _configuration(kannel: Kannel) -> str:
    """Kannel User's Guide, core, smsc, smsbox and sendsms-user groups; groups part at empty lines."""
    smsc = kannel.smsc
    groups = [
        {
            "group": "core", "admin-port": kannel.admin_port, "admin-interface": "127.0.0.1",
            "admin-password": PASSWORD, "smsbox-port": kannel.box_port, "smsbox-interface": "127.0.0.1",
            "box-allow-ip": "127.0.0.1", "log-level": 3, "dlr-storage": "internal",
            "store-type": "spool", "store-location": kannel.folder / "spool",
            # No limits of its own: the bench is what sets the load.
            "sms-outgoing-queue-limit": 1_000_000, "sms-incoming-queue-limit": -1,
        },
        {
            "group": "smsc", "smsc": "smpp", "smsc-id": "sim", "host": smsc.host, "port": smsc.port,
            "transceiver-mode": "true", "smsc-username": smsc.system_id, "smsc-password": smsc.password,
            "system-type": "''", "max-pending-submits": smsc.window, "alt-charset": "GSM",
        },
        {
            "group": "smsbox", "bearerbox-host": "127.0.0.1", "sendsms-port": kannel.send_port,
            "sendsms-interface": "127.0.0.1", "log-level": 3, "mo-recode": "true",
        },
        {"group": "sendsms-user", "username": "bench", "password": PASSWORD, "max-messages": 10},
    ]  # fmt: skip
    return (
        "\n\n".join("\n".join(f"{name} = {value}" for name, value in group.items()) for group in groups)
        + "\n"
    )


def _program(name: str) -> str | None:
    return shutil.which(name, path=FOLDERS)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
