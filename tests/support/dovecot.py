"""Debian's Dovecot as the IMAP server over Postfix's mailboxes."""

import asyncio
import imaplib
import pwd
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from support import peers
from support.daemon import START, Daemon
from support.postfix import OWNER

PASSWORD = "imap-secret"
IMAP = Path("/usr/lib/dovecot/imap")
"""A package of its own."""

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


class Dovecot(Daemon):
    """Serves the maildirs in a folder by IMAP; every user has the same password."""

    def __init__(self, mailboxes: Path) -> None:
        program = peers.find_command("dovecot") if IMAP.exists() else None
        super().__init__("Dovecot", program, greeting=b"* OK", log="log")
        owner = pwd.getpwnam(OWNER)
        text = CONFIG.format(
            folder=self.folder, mailboxes=mailboxes, password=PASSWORD, port=self.port,
            uid=owner.pw_uid, gid=owner.pw_gid,
        )  # fmt: skip
        (self.folder / "dovecot.conf").write_text(text)

    def arguments(self) -> tuple[str, ...]:
        return "-F", "-c", str(self.folder / "dovecot.conf")

    async def read(self, user: str, containing: str, within: float = START) -> EmailMessage:
        """Wait, by IMAP, for a mail whose octets contain `containing` (ASCII); the newest such one."""

        async def look() -> EmailMessage | None:
            octets = await asyncio.to_thread(self._fetch, user)
            found = [one for one in octets if containing.encode() in one]
            return BytesParser(policy=policy.default).parsebytes(found[-1]) if found else None

        mail: EmailMessage = await self.until(look, f"{user} sees no mail with {containing!r}", within, 0.2)
        return mail

    def _fetch(self, user: str) -> list[bytes]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=START) as client:
            client.login(user, PASSWORD)
            client.select("INBOX")
            _, [numbers] = client.search(None, "ALL")
            parts = [client.fetch(one.decode(), "(RFC822)")[1][0] for one in numbers.split()]
        return [part[1] for part in parts if isinstance(part, tuple)]
