"""A real Kamailio with the configuration of deploy/kamailio, on private ports and in a folder of its own."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

from voip_sms.demo.children import dies_with_us
from voip_sms.demo.clients import until
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.programs import find_program, root_of

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "kamailio"
DOMAIN: Final = "sms.test"
# It starts in half a second here; this is for a busy two-core machine.
START: Final = 30.0
STOP: Final = 10.0

LOCAL: Final = """\
#!define DOMAIN "{domain}"
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
listen=tcp:{host}:{inner}
tcp_source_ipv4={host}
#!define INNER_PORT {inner}
#!define NODES "{folder}/nodes.list"
#!define SUBSCRIBERS "text://{folder}"
#!define NONCE_SECRET "0123456789abcdef0123456789abcdef"
#!define WORKERS 2
"""
SECURE: Final = """\
#!define WITH_TLS
listen=tls:{host}:{secure}
#!define TLS_CONFIG "{folder}/tls.cfg"
"""
ALIVE: Final = """\
OPTIONS sip:{domain} SIP/2.0\r
Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK-alive\r
From: <sip:{domain}>;tag=alive\r
To: <sip:{domain}>\r
Call-ID: alive\r
CSeq: 1 OPTIONS\r
Content-Length: 0\r
\r
"""


class KamailioFailedError(Exception):
    """It is not here, or did not come up; the text holds the end of its log."""


class Kamailio:
    """In front of a service: phones come to `port` (UDP, TCP) and `secure` (TLS), the service to `inner`."""

    def __init__(
        self,
        *,
        chain: str = "",
        key: str = "",
        defines: Mapping[str, object] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """`chain`, `key`: PEM files for TLS; `defines` are further lines of local.cfg.

        `host`: the address that is its own, also when it goes to the service.
        """
        program = find_program("kamailio", apart="kamailio")
        if program is None:
            raise KamailioFailedError("no kamailio (5 or newer): tools/pbx.sh fetches one")
        self._program = program
        self.host = host
        self.port, self.inner = quiet_port(), quiet_port()
        self.secure = quiet_port() if chain else 0
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-kamailio-"))
        self._process: Process | None = None
        self._write(chain, key, defines or {})

    @staticmethod
    def available() -> bool:
        return find_program("kamailio", apart="kamailio") is not None

    @property
    def outbound(self) -> str:
        """As `[sip] outbound` takes it."""
        return f"{self.host}:{self.inner};transport=tcp"

    @property
    def subscribers(self) -> Path:
        """As `[sip] subscribers` takes it."""
        return self.folder / "subscriber"

    async def start(self, *nodes: int) -> Self:
        """Start it in front of services at these TCP ports; KamailioFailedError with its log if it can't."""
        lines = "".join(f"1 sip:127.0.0.1:{port};transport=tcp\n" for port in nodes)
        (self.folder / "nodes.list").write_text(lines)
        await self.start_again()
        return self

    async def start_again(self) -> None:
        """Come back as it was, but without its registrations: after `end` or `kill`."""
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_us("TERM"),
                self._program,
                *self.options(),
                "-DD",
                "-E",
                "-m",
                "32",
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it ends its group, not ours
            )
        try:
            await until(self._answers, "Kamailio does not answer", START)
        except TimeoutError:
            log_text = self.log_text()[-3000:]
            await self.stop()
            raise KamailioFailedError(f"Kamailio did not start:\n{log_text}") from None

    def options(self) -> Iterable[str]:
        """What both a run and a check of the configuration (`-c`) need."""
        modules = root_of(self._program) / "usr/lib/x86_64-linux-gnu/kamailio/modules"
        found = ("-L", f"{modules}/") if modules.is_dir() else ()  # else it knows itself where they are
        return "-f", str(self.folder / "kamailio.cfg"), "-Y", str(self.folder), *found

    async def check(self) -> str:
        """What `kamailio -c` says of the configuration; "" when all is well."""
        done = await asyncio.create_subprocess_exec(
            *(self._program, *self.options(), "-c", "-E"),
            stdin=DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(START):
            said, _ = await done.communicate()
        return said.decode(errors="replace") if done.returncode else ""

    async def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it by its own pid; the folder stays."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(by)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP):
                await process.wait()
        with contextlib.suppress(ProcessLookupError):  # a killed one leaves its children behind
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        await self.end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it and remove its folder."""
        await self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self) -> str:
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def _answers(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        try:
            writer.write(ALIVE.format(domain=DOMAIN).encode())
            async with asyncio.timeout(START):
                return b" 200 " in await reader.readline()
        except OSError:  # it listens before it has anybody to take connections
            return False
        finally:
            writer.close()

    def _write(self, chain: str, key: str, defines: Mapping[str, object]) -> None:
        for name in ("kamailio.cfg", "voip-sms.cfg"):
            shutil.copy(SHIPPED / name, self.folder)
        text = LOCAL + (SECURE if chain else "") + "".join(f"#!define {k} {v}\n" for k, v in defines.items())
        (self.folder / "local.cfg").write_text(
            text.format(
                domain=DOMAIN,
                host=self.host,
                port=self.port,
                inner=self.inner,
                secure=self.secure,
                folder=self.folder,
            )
        )
        if chain:
            text = (SHIPPED / "tls.cfg").read_text()
            for line, file in (("certificate = ", chain), ("private_key = ", key)):
                text = re.sub(f"(?m)^{line}.*", f"{line}{file}", text)
            (self.folder / "tls.cfg").write_text(text)
