"""Debian's Postfix as a mail server of our own."""

import pwd
import shutil
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from support.daemon import START, Daemon

DAEMONS = Path("/usr/lib/postfix/sbin")
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


class Postfix(Daemon):
    """The server of a customer: mailboxes at `domain`; what is for `gateway` goes to a port of ours.

    It takes any mail from loopback.
    """

    def __init__(self, domain: str = "example.test", boxes: tuple[str, ...] = ("biuro",)) -> None:
        super().__init__("Postfix", DAEMONS / "master", greeting=b"220", log="log/mail.log")
        self.domain, self.boxes = domain, boxes
        self._lay_out()

    def arguments(self) -> tuple[str, ...]:
        return "-c", str(self.folder / "etc"), "-d"

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

        found: EmailMessage = await self.until(look, f"{box} got no mail with {containing!r}", within)
        return found

    async def logged(self, text: str, within: float = START) -> str:
        """Wait for a line of the log that contains `text`; that line."""

        async def look() -> str:
            return next((line for line in self.log_text().splitlines() if text in line), "")

        line: str = await self.until(look, f"nothing in the log of Postfix with {text!r}", within)
        return line

    def _lay_out(self) -> None:
        """Folders with the owners that Postfix insists on, and its files."""
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
