"""The accounts whose phones are at a Kamailio in front, as its table `subscriber` (db_text) holds them."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import structlog

from voip_sms.core.directory import Directory, SipAccount
from voip_sms.wire.sip.digest import Algorithm

log = structlog.get_logger(__name__)

COLUMNS: Final = "username(string) ha1(string)"
"""What auth_db asks for; a SIP user has no colon, which would end a field."""
MODE: Final = 0o640
"""For Kamailio's group: with a hash of the realm's password anybody could register."""


def table(directory: Directory) -> str:
    """The file's text: every account with `via: proxy` that may send, by user."""
    rows = sorted(f"{one.account.name}:{one.ha1[Algorithm.MD5]}" for one in _behind(directory))
    return "\n".join([COLUMNS, *rows, ""])


def _behind(directory: Directory) -> Iterator[SipAccount]:
    for one in directory.sip.values():
        tenant = directory.tenants.get(one.account.tenant_id)
        may = one.account.enabled and tenant is not None and tenant.enabled
        if may and one.via == "proxy" and Algorithm.MD5 in one.ha1:
            yield one


class Subscribers:
    """Keeps the file as the configuration is. A reader sees the old text or the new one, never a half."""

    def __init__(self, path: Path, seconds: Callable[[], float] = time.time) -> None:
        self._path = path
        self._seconds = seconds

    def keep(self, directory: Directory) -> None:
        """Write it if it has to change; what prevents that is logged, and the next change tries again."""
        text = table(directory)
        try:
            if self._path.exists() and self._path.read_bytes() == text.encode():
                return
            self._write(text)
        except OSError as error:
            log.warning("sip_subscribers_not_written", file=str(self._path), why=str(error))
            return
        log.info("sip_subscribers_written", file=str(self._path), accounts=text.count("\n") - 1)

    def _write(self, text: str) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), MODE)  # whatever the umask takes away
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        stamp = self._stamp()
        os.utime(beside, (stamp, stamp))
        beside.replace(self._path)

    def _stamp(self) -> int:
        """Kamailio reads the file again when its time differs in whole seconds: two changes within one do."""
        now = int(self._seconds())
        try:
            return max(now, int(self._path.stat().st_mtime) + 1)
        except FileNotFoundError:
            return now
