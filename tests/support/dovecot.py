"""Debian's Dovecot as the IMAP server over Postfix's mailboxes: a private folder and port."""

import asyncio
import imaplib
import os
import pwd
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Self

from support import peers
from support.postfix import OWNER
from voip_sms.demo.clients import until
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import dies_with_us

# It takes a fraction of a second here; this is for a busy two-core machine.
START = 30.0
STOP = 10.0
PASSWORD = "imap-secret"

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{mailboxes}/%n
mail_temp_dir = {folder}/state
default_vsz_limit = 512M
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mailboxes}/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """Serves the maildirs in a folder by IMAP; every user has the same password. Needs root."""

    def __init__(self, mailboxes: Path) -> None:
        program = peers.find_command("dovecot")
        if program is None or not Path("/usr/lib/dovecot/imap").exists():
            peers.missing("dovecot", "apt-get install dovecot-imapd")
        if os.geteuid() != 0:
            peers.missing("dovecot", "its master process must be started by root")
        self._program = program
        self.port = quiet_port()
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-dovecot-"))
        self.folder.chmod(0o755)
        owner = pwd.getpwnam(OWNER)
        text = CONFIG.format(
            folder=self.folder, mailboxes=mailboxes, password=PASSWORD, port=self.port,
            uid=owner.pw_uid, gid=owner.pw_gid,
        )  # fmt: skip
        (self.folder / "dovecot.conf").write_text(text)
        self._process: Process | None = None

    async def start(self) -> Self:
        """Start the master process and wait for its greeting; RuntimeError with the log without one."""
        self._process = await asyncio.create_subprocess_exec(
            *dies_with_us(), self._program, "-F", "-c", str(self.folder / "dovecot.conf"),
            stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL,
        )  # fmt: skip
        try:
            await until(self._greets, "Dovecot does not answer", START)
        except TimeoutError:
            log = self.log_text()[-3000:]
            await self.stop()
            raise RuntimeError(f"Dovecot did not start:\n{log}") from None
        return self

    async def stop(self) -> None:
        """End the master process by its own pid, which ends all others, and remove the folder."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def read(self, user: str, containing: str, within: float = START) -> EmailMessage:
        """Wait, by IMAP, for a mail whose octets contain `containing` (ASCII); the newest such one."""

        async def look() -> EmailMessage | None:
            octets = await asyncio.to_thread(self._fetch, user)
            found = [one for one in octets if containing.encode() in one]
            return BytesParser(policy=policy.default).parsebytes(found[-1]) if found else None

        try:
            mail: EmailMessage = await until(look, f"{user} sees no mail with {containing!r}", within, 0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_text()[-3000:]}") from None
        return mail

    def log_text(self) -> str:
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _fetch(self, user: str) -> list[bytes]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=START) as client:
            client.login(user, PASSWORD)
            client.select("INBOX")
            _, [numbers] = client.search(None, "ALL")
            parts = [client.fetch(one.decode(), "(RFC822)")[1][0] for one in numbers.split()]
        return [part[1] for part in parts if isinstance(part, tuple)]

    async def _greets(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(START):
                return (await reader.readline()).startswith(b"* OK")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
