"""Debian's Postfix as a mail server of our own: a private folder and port, the machine's own one untouched."""

import asyncio
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
from voip_sms.demo.clients import until
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import dies_with_us

DAEMONS = Path("/usr/lib/postfix/sbin")
# It takes a second here; this is for a busy two-core machine.
START = 30.0
STOP = 10.0
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved")
OWNER = "nobody"
"""Whose the mailboxes are: Postfix delivers as no privileged user."""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtputf8_enable = yes
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mailboxes
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = texthash:{folder}/etc/transport
smtp_sasl_auth_enable = {auth}
smtp_sasl_password_maps = texthash:{folder}/etc/passwords
smtp_sasl_security_options =
smtp_host_lookup = native
disable_dns_lookups = yes
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""
# Not in a chroot: that would need copies of libraries and of the resolver's files.
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """The server of a customer: mailboxes at `domain`; what is for `gateway` goes to a port of ours.

    It takes any mail from loopback. Needs root (a loud skip otherwise): Postfix runs parts of itself as its user.
    """

    def __init__(self, domain: str = "example.test", boxes: tuple[str, ...] = ("biuro",)) -> None:
        program = DAEMONS / "master"
        if not program.exists():
            peers.missing("postfix", "apt-get install postfix")
        if os.geteuid() != 0:
            peers.missing("postfix", "its master process must be started by root")
        self._program = str(program)
        self.domain, self.boxes = domain, boxes
        self.port = quiet_port()
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-postfix-"))
        self._process: Process | None = None
        self._lay_out()

    @property
    def url(self) -> str:
        """As `[mail] relay` takes it."""
        return f"smtp://127.0.0.1:{self.port}"

    def sends(self, domain: str, port: int, user: str = "", password: str = "") -> None:
        """Mail for `domain` goes to `port` of loopback, logged in as `user` if one is given. Before the start."""
        etc = self.folder / "etc"
        hop = f"[127.0.0.1]:{port}"
        with (etc / "transport").open("a") as file:
            file.write(f"{domain} smtp:{hop}\n")
        if user:
            (etc / "passwords").write_text(f"{hop} {user}:{password}\n")
            (etc / "passwords").chmod(0o600)
        self._write_main(auth=bool(user))

    def configure(self, lines: str) -> None:
        """Lines of main.cf that add to ours or take their place. Before the start, after `sends`."""
        with (self.folder / "etc" / "main.cf").open("a") as file:
            file.write(lines + "\n")

    async def start(self) -> Self:
        """Start the master process and wait for its greeting; RuntimeError with the log without one."""
        self._process = await asyncio.create_subprocess_exec(
            *dies_with_us(), self._program, "-c", str(self.folder / "etc"), "-d",
            stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True,  # it ends its group, not ours
        )  # fmt: skip
        try:
            await until(self._greets, "Postfix does not answer", START)
        except TimeoutError:
            log = self.log_text()[-3000:]
            await self.stop()
            raise RuntimeError(f"Postfix did not start:\n{log}") from None
        return self

    async def stop(self) -> None:
        """End the master process by its own pid, which ends all others, and remove the folder."""
        await self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def halt(self) -> None:
        """End it; queue and mailboxes stay, and `start` goes on with them."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        # The master's shutdown (`postfix stop`) is SIGTERM; it ends its children by their process group.
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def mailbox(self, box: str = "biuro") -> Path:
        """The maildir of a box."""
        return self.folder / "mailboxes" / box

    def mails(self, box: str = "biuro") -> list[EmailMessage]:
        """What has been delivered to a box, oldest first."""
        found = sorted(self.mailbox(box).glob("new/*"), key=lambda file: file.stat().st_mtime_ns)
        return [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in found]

    async def mail_to(self, box: str = "biuro", containing: str = "", within: float = START) -> EmailMessage:
        """Wait for a mail whose plain text contains `containing`."""

        async def look() -> EmailMessage | None:
            return next((mail for mail in self.mails(box) if containing in text_of(mail)), None)

        try:
            found: EmailMessage = await until(look, f"{box} got no mail with {containing!r}", within)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_text()[-3000:]}") from None
        return found

    async def logged(self, text: str, within: float = START) -> str:
        """Wait for a line of the log that contains `text`; that line."""

        async def look() -> str:
            return next((line for line in self.log_text().splitlines() if text in line), "")

        try:
            line: str = await until(look, f"nothing in the log of Postfix with {text!r}", within)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_text()[-3000:]}") from None
        return line

    def log_text(self) -> str:
        file = self.folder / "log" / "mail.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def _greets(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(START):
                return (await reader.readline()).startswith(b"220")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _lay_out(self) -> None:
        """Folders with the owners that Postfix insists on, and its files."""
        self.folder.chmod(0o755)  # other users pass through it
        for name in ("etc", "queue", "log", "mailboxes"):
            (self.folder / name).mkdir()
        (self.folder / "queue" / "pid").mkdir()
        for name in ("data", *(f"queue/{one}" for one in (*QUEUES, "trace", "public"))):
            (self.folder / name).mkdir(mode=0o700)
            shutil.chown(self.folder / name, "postfix")
        (self.folder / "queue" / "public").chmod(0o710)
        shutil.chown(self.folder / "mailboxes", OWNER)
        lines = "".join(f"{box}@{self.domain} {box}/\n" for box in self.boxes)
        for name, text in (("mailboxes", lines), ("transport", ""), ("passwords", "")):
            (self.folder / "etc" / name).write_text(text)
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))
        self._write_main(auth=False)

    def _write_main(self, *, auth: bool) -> None:
        owner = pwd.getpwnam(OWNER)
        text = MAIN.format(
            folder=self.folder,
            domain=self.domain,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            auth="yes" if auth else "no",
        )
        (self.folder / "etc" / "main.cf").write_text(text)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail, without the line end that mail adds; "" when there is none."""
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content()).rstrip("\r\n")
