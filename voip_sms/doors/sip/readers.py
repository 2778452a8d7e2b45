"""Remembers which phones have written in message/cpim: they can be answered in it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from voip_sms.core.clock import MINUTE
from voip_sms.core.directory import Account
from voip_sms.core.model import PhoneSource
from voip_sms.core.ports import Dispositions
from voip_sms.doors.sip.registrar import agent_of
from voip_sms.net.sip.traffic import Incoming
from voip_sms.net.sip.transports import joined

CAPACITY: Final = 10_000
"""Phones that need not be looked up at each of their messages, about 200 octets each."""
KNOWN_FOR: Final = 10 * MINUTE
"""A phone may come back from the same address with another binding, which then has to be marked as well."""

UNKNOWN_FOR: Final = MINUTE
"""Whoever writes without being registered is no contact to mark; it may register at any time."""


class Readers:
    """Memory in front of the database, where each contact has its mark."""

    def __init__(self, dispositions: Dispositions, now: Callable[[], int]) -> None:
        self._dispositions = dispositions
        self._now = now
        self._known: OrderedDict[tuple[bytes, str], int] = OrderedDict()

    async def note(self, incoming: Incoming, account: Account) -> None:
        """This account's phone wrote in message/cpim. Refusal `store_unavailable`."""
        source = joined(incoming.source)
        key = account.id, source
        now = self._now()
        if self._known.get(key, 0) > now:
            return
        writer = PhoneSource(source, incoming.flow, agent_of(incoming.read.request.headers))
        is_contact = await self._dispositions.wrote_cpim(account, writer)
        self._known[key] = now + (KNOWN_FOR if is_contact else UNKNOWN_FOR)
        self._known.move_to_end(key)
        while len(self._known) > CAPACITY:
            self._known.popitem(last=False)
