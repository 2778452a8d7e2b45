"""The audit log's entries: their one written form, and the hashes that tie each to all before it."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from voip_sms.core import clock, ids
from voip_sms.core.directory import NO_TENANT, Id

AUDIT: Final = "aud"
"""What ids of entries begin with, outside."""
TENANT: Final = "ten"
"""What a chain is called outside: its tenant's id."""
SET: Final = "(set)"
CHANGED: Final = "(changed)"
"""What stands for a secret: that there is one, and that there is another one."""
OCTETS: Final = 32

Door = Literal["api", "apply", "cli", "panel"]
Action = Literal["added", "changed", "removed", "rotated", "replayed"]


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and where they came in: `key:app`, `user:anna@acme.test`, `operator:apply@host`."""

    who: str
    door: Door


@dataclass(frozen=True, slots=True)
class Entry:
    """One administrative act. `tenant_id`: whose chain it is in, NO_TENANT for the operator's.

    `kind` is the object's collection (`sip_accounts`), `label` what reports call it, `object_id` its id as it
    is shown, or nothing. `before` and `after` have the fields that differ, without secrets; `at`: epoch
    microseconds.
    """

    id: Id
    tenant_id: Id
    at: int
    by: By
    action: Action
    kind: str
    label: str
    object_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: its last entry's number and hash."""

    seq: int
    hash: bytes


FIRST: Final = Head(0, bytes(OCTETS))
"""What the first entry of a chain follows."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its place: its number, the hash it follows, its own. All None until it is sealed."""

    entry: Entry
    seq: int | None = None
    prev: bytes | None = None
    hash: bytes | None = None


# --- writing ------------------------------------------------------------------------------------------------


def chain_name(tenant_id: Id) -> str | None:
    """`ten_…`; None for the operator's."""
    return None if tenant_id == NO_TENANT else ids.to_text(TENANT, tenant_id)


def shown(entry: Entry) -> dict[str, Any]:
    """The entry as it is shown everywhere, and as it is hashed."""
    return {
        "id": ids.to_text(AUDIT, entry.id),
        "tenant": chain_name(entry.tenant_id),
        "at": clock.to_rfc3339(entry.at),
        "who": entry.by.who,
        "door": entry.by.door,
        "action": entry.action,
        "kind": entry.kind,
        "label": entry.label,
        "object": entry.object_id or None,
        "before": entry.before,
        "after": entry.after,
    }


def canonical(entry: Entry) -> bytes:
    """`shown` as JSON in one way only: keys in order, no blanks, ASCII. ValueError for what JSON has not."""
    text = json.dumps(shown(entry), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def digest(prev: bytes, entry: Entry) -> bytes:
    """SHA-256 over the hash before it and the entry's canonical form."""
    return hashlib.sha256(prev + canonical(entry)).digest()


def seal(head: Head, entries: Iterable[Entry]) -> Iterator[Link]:
    """The entries in their places after `head`; the last one is the chain's head then."""
    for entry in entries:
        own = digest(head.hash, entry)
        yield Link(entry, head.seq + 1, head.hash, own)
        head = Head(head.seq + 1, own)


# --- proving ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a chain, in words; `kind` for programs."""

    kind: Literal["changed", "removed", "order", "unsealed", "expected"]
    text: str


class Inspection:
    """Looks at one chain from its beginning: first `look` at every sealed entry by number, then `end`."""

    def __init__(self, expected: Collection[bytes] = ()) -> None:
        """`expected`: hashes noted elsewhere; those that are met are taken out of `missing`."""
        self.head = FIRST
        self.faults: list[Fault] = []
        self.missing = set(expected)

    def look(self, link: Link) -> None:
        """The next entry by number."""
        name = f"entry {link.seq} ({_name(link.entry)})"
        place = self.head.seq + 1
        if link.seq is None or link.prev is None or link.hash is None:
            self._fault("changed", f"{name} has lost its number or its hash")
            return
        if link.seq > place:
            self._fault("removed", f"{_entries(place, link.seq - 1)} missing before {name}")
        elif link.prev != self.head.hash:
            self._fault(
                "order", f"{name} does not follow the one before it: moved, or another was removed or changed"
            )
        if _digest(link.prev, link.entry) != link.hash:
            self._fault("changed", f"{name} is not what was sealed")
        else:
            self.missing.discard(link.hash)
        self.head = Head(link.seq, link.hash)

    def end(self, head: Head | None) -> None:
        """`head`: where the chain ended when an entry was last sealed, as the store remembers."""
        last = self.head
        if head is None:
            if last.seq:
                self._fault("removed", f"where the chain ends is no longer written down; found: {last.seq}")
        elif head.seq > last.seq:
            self._fault("removed", f"{_entries(last.seq + 1, head.seq)} missing at the end")
        elif head != last:
            self._fault("changed", f"entry {last.seq} is not the end that was sealed ({head.seq})")

    def waits(self, link: Link, now: int, longest: int) -> None:
        """The oldest entry that is not sealed; `longest` microseconds are in order."""
        name = _name(link.entry)
        if (link.prev, link.hash) != (None, None):
            self._fault("changed", f"entry {name} has lost its number")
        elif now - link.entry.at > longest:
            minutes = (now - link.entry.at) // clock.MINUTE
            self._fault(
                "unsealed", f"entry {name} waits for its seal for {minutes} minutes: is serve running?"
            )

    def _fault(self, kind: Literal["changed", "removed", "order", "unsealed"], text: str) -> None:
        self.faults.append(Fault(kind, text))


def _digest(prev: bytes, entry: Entry) -> bytes | None:
    """None for what can't have been sealed: a hand may write anything into a database."""
    try:
        return digest(prev, entry)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None


def _name(entry: Entry) -> str:
    try:
        return ids.to_text(AUDIT, entry.id)
    except (ValueError, TypeError):
        return "of no id"


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
