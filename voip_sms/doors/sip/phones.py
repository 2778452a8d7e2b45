"""What this process knows of phones: whose source has a binding, which NAT to hold open."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from voip_sms.core.model import Binding
from voip_sms.doors.sip.bans import Bans
from voip_sms.net.sip.traffic import Incoming, Target
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.uri import parse_host_port

CAPACITY: Final = 50_000
"""Phones whose NATs are held open, about 800 octets each."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A live binding, and where its phone is reached."""

    binding: Binding
    target: Target

    @property
    def key(self) -> tuple[str, str]:
        """User and contact."""
        return self.binding.user, self.binding.contact


class Phones:
    """Memory only; a restart begins with what is stored, and learns the rest as phones register."""

    def __init__(self, bans: Bans, now: Callable[[], int]) -> None:
        self._bans = bans
        self._now = now
        self._holes: OrderedDict[tuple[str, str], Hole] = OrderedDict()
        self._flows: dict[str, set[tuple[str, str]]] = {}

    def seen(self, incoming: Incoming, bindings: Sequence[Binding]) -> None:
        """A REGISTER was stored."""
        now = self._now()
        for binding in bindings:
            key = binding.user, binding.contact
            self._close(key)
            if binding.expires_at <= now:
                continue
            self._bans.bound(incoming.source[0], binding.expires_at, binding.user)
            target = Target(incoming.transport, *incoming.source, incoming.flow)
            self._holes[key] = Hole(binding, target)
            if incoming.transport != "udp":
                self._flows.setdefault(incoming.flow, set()).add(key)
        while len(self._holes) > CAPACITY:
            self._close(next(iter(self._holes)))

    def known(self, bindings: Sequence[Binding], mine: Callable[[str], bool]) -> None:
        """What an earlier run had stored; `mine` says whether a UDP flow is a listener of ours."""
        for binding in bindings:
            try:
                host, port = parse_host_port(binding.source)
            except GrammarError:
                continue
            host = host.strip("[]")
            self._bans.bound(host, binding.expires_at, binding.user)
            if binding.transport == "udp" and port is not None and mine(binding.flow):
                target = Target("udp", host, port, binding.flow)
                self._holes.setdefault((binding.user, binding.contact), Hole(binding, target))

    def gone(self, user: str) -> None:
        """All bindings of a user were removed."""
        for key in [key for key in self._holes if key[0] == user]:
            self._close(key)

    def has(self, hole: Hole) -> bool:
        """Whether that binding is still as it was, neither renewed nor gone."""
        return self._holes.get(hole.key) is hole

    def close(self, hole: Hole) -> None:
        """That binding was removed."""
        self._close(hole.key)

    def flow_lost(self, flow: str) -> bool:
        """A connection is gone; whether a binding was made over it."""
        keys = self._flows.pop(flow, set())
        for key in keys:
            del self._holes[key]
        return bool(keys)

    def holes(self) -> Iterator[Hole]:
        """Every live UDP source and connection once; expired bindings are forgotten."""
        now = self._now()
        targets: set[Target] = set()
        for key, hole in list(self._holes.items()):
            if hole.binding.expires_at <= now:
                self._close(key)
            elif hole.target not in targets:
                targets.add(hole.target)
                yield hole

    def _close(self, key: tuple[str, str]) -> None:
        hole = self._holes.pop(key, None)
        if hole is None:
            return
        keys = self._flows.get(hole.target.flow)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._flows[hole.target.flow]
