"""Proves passwords of mail senders: slowly where one is tried, at once where it was proven a moment ago."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from voip_sms.core.directory import MailSender
from voip_sms.engine.proving import Proving

REMEMBERED: Final = 2_000
"""Pairs proven last: a program that logs in for each of its mails costs one hash, not thousands."""
SECRET_LONGEST: Final = 128
"""Characters, as `apply` takes them: more is no secret of ours."""
_KEY_OCTETS: Final = 32


class Secrets:
    """`prove` runs on the loop; the work is done in threads."""

    def __init__(self, random: Callable[[int], bytes], proving: Proving | None = None) -> None:
        """`random(n)` gives n random octets: of the key that makes what is remembered useless elsewhere.

        `proving`: that of all doors.
        """
        self._key = random(_KEY_OCTETS)
        self._proving = proving or Proving(random)
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    async def prove(self, sender: MailSender | None, secret: str) -> bool:
        """Whether it is the sender's secret; for nobody, and for who has none, no, after the same time.

        Refusal `rate_limited` when too many wait: nothing is known then of who isn't in memory. A program
        that heard "wrong" would forget a password that is right.
        """
        if not secret or len(secret) > SECRET_LONGEST:
            return False
        stored = sender.secret_hash if sender is not None and sender.secret_hash else ""
        digest = self._digest(stored, secret)
        if stored and digest in self._proven:
            self._proven.move_to_end(digest)
            return True
        if not await self._proving.prove(stored, secret):
            return False
        self._proven[digest] = None
        if len(self._proven) > REMEMBERED:
            self._proven.popitem(last=False)
        return True

    def _digest(self, stored: str, secret: str) -> bytes:
        """Of the pair: a changed password is proven anew, and no secret stays in memory."""
        pair = f"{stored}\0{secret}".encode("utf-8", "replace")
        return hmac.new(self._key, pair, hashlib.sha256).digest()
