"""What this process knows of phones: whose source has a binding, which NAT to hold open."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from voip_sms.core.model import Binding
from voip_sms.doors.sip.bans import Bans
from voip_sms.net.sip.traffic import Incoming, Target

CAPACITY: Final = 50_000
"""Phones on UDP whose NATs are held open, about 300 octets each."""


class Phones:
    """Memory only; a restart learns it anew within one registration interval."""

    def __init__(self, bans: Bans, now: Callable[[], int]) -> None:
        self._bans = bans
        self._now = now
        self._holes: OrderedDict[tuple[str, str], tuple[Target, int]] = OrderedDict()
        self._flows: dict[str, int] = {}

    def seen(self, incoming: Incoming, bindings: Sequence[Binding]) -> None:
        """A REGISTER was stored."""
        now = self._now()
        for binding in bindings:
            key = binding.user, binding.contact
            self._holes.pop(key, None)
            if binding.expires_at <= now:
                continue
            self._bans.bound(incoming.source[0], binding.expires_at)
            if binding.transport == "udp":
                self._holes[key] = Target("udp", *incoming.source, incoming.flow), binding.expires_at
            else:
                self._flows[incoming.flow] = binding.expires_at
        while len(self._holes) > CAPACITY:
            self._holes.popitem(last=False)

    def gone(self, user: str) -> None:
        """All bindings of a user were removed."""
        for key in [key for key in self._holes if key[0] == user]:
            del self._holes[key]

    def flow_lost(self, flow: str) -> bool:
        """A connection is gone; whether a binding was made over it."""
        return self._flows.pop(flow, None) is not None

    def holes(self) -> Iterator[Target]:
        """Every live UDP source once; expired ones are forgotten."""
        now = self._now()
        targets: set[Target] = set()
        for key, (target, until) in list(self._holes.items()):
            if until <= now:
                del self._holes[key]
            elif target not in targets:
                targets.add(target)
                yield target
