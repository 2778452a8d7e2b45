"""What the page shows, as plain values: handsets with their bubbles, switches, connections, PDU lines."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.clock import to_rfc3339
from voip_sms.simulator.centre import MessageCentre
from voip_sms.simulator.handsets import Sent
from voip_sms.simulator.log import Entry
from voip_sms.simulator.log import shown as shown_entry
from voip_sms.simulator.page.switches import Switch, switches
from voip_sms.simulator.session import Session
from voip_sms.wire.smpp.numbers import ESM_RECEIPT, ESM_TYPE_MASK
from voip_sms.wire.smpp.status import status_name

CARDS: Final = 12
"""Handsets on the page: a screenful or two; others are asked for by number."""
BUBBLES: Final = 30
"""Of one handset, the newest."""
LINES: Final = 40
"""PDUs, the newest."""

# 3GPP TS 23.038 and SMPP 3.4, 5.2.19: what people call them.
_ALPHABETS: Final = {0: "GSM-7", 1: "ASCII", 3: "Latin-1", 4: "binary", 8: "UCS-2"}
_NUMBER: Final = re.compile(r"\+?[0-9]{2,20}")
_TEXTUAL: Final = ("source_addr", "destination_addr", "message_id", "system_id")


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message on a handset; `own`: it wrote it. `peer` as it would show it; `at` RFC 3339, UTC."""

    id: str
    own: bool
    peer: str
    text: str
    parts: int
    alphabet: str
    at: str

    @property
    def time(self) -> str:
        """Hours and minutes."""
        return self.at[11:16]


@dataclass(frozen=True, slots=True)
class Card:
    """One handset. `number` as in paths, `shown` as people write it; `answer_to`: the last sender."""

    number: str
    shown: str
    bubbles: Sequence[Bubble]
    answer_to: str
    put_there: bool

    @property
    def suggestions(self) -> list[str]:
        """Numbers that it was in touch with, the last first."""
        peers = (bubble.peer for bubble in reversed(self.bubbles))
        return [peer for peer in dict.fromkeys(peers) if _NUMBER.fullmatch(peer)]


@dataclass(frozen=True, slots=True)
class Line:
    """One PDU in the log."""

    n: int
    time: str
    conn: int
    out: bool
    command: str
    sequence: str
    status: str
    what: str

    @property
    def bad(self) -> bool:
        """Whether it says that something was refused, or is no PDU."""
        return bool(self.status) or self.command == "garbage"


@dataclass(frozen=True, slots=True)
class Connection:
    """One SMPP connection; `state` as SMPP calls it, `outstanding` deliver_sm without an answer."""

    number: int
    state: str
    peer: str
    outstanding: int

    @property
    def bound(self) -> bool:
        """Whether it may send or receive."""
        return self.state not in {"open", "closed"}


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page at one moment."""

    revision: str
    cards: Sequence[Card]
    others: int
    switches: Sequence[Switch]
    connections: Sequence[Connection]
    waiting: int
    lines: Sequence[Line]

    @property
    def binds(self) -> int:
        """Connections that are bound."""
        return sum(connection.bound for connection in self.connections)

    @property
    def faults(self) -> int:
        """Faults that are armed."""
        return sum(len(switch.armed) for switch in self.switches)


def view(centre: MessageCentre, put_there: Iterable[str]) -> View:
    """The page as it is now; `put_there`: handsets that somebody added, which stay."""
    added = list(put_there)
    there = dict.fromkeys((*added, *centre.handsets.recent(CARDS)))
    chosen = sorted(list(there)[:CARDS])
    newest, known = centre.log.last, centre.handsets.numbers()
    return View(
        revision=centre.revision,
        cards=[_card(centre, number, put_there=number in added) for number in chosen],
        others=len(known) - len(set(chosen).intersection(known)),
        switches=switches(centre.armed()),
        connections=[_connection(session) for session in centre.connections()],
        waiting=centre.deliveries.waiting,
        lines=[_line(entry) for entry in centre.log.after(newest - LINES)][::-1],
    )


def shown_number(number: str) -> str:
    """E.164 with its `+`; a name as it is."""
    return f"+{number}" if number.isdigit() else number


def _card(centre: MessageCentre, number: str, *, put_there: bool) -> Card:
    got = [_received(message) for message in centre.handsets.messages(number, BUBBLES)]
    wrote = [_written(sent) for sent in centre.handsets.sent(number)[-BUBBLES:]]
    bubbles = sorted((*got, *wrote), key=lambda bubble: bubble.at)[-BUBBLES:]
    callers = [bubble.peer for bubble in bubbles if not bubble.own and _NUMBER.fullmatch(bubble.peer)]
    mine = [bubble.peer for bubble in bubbles if bubble.own]
    return Card(number, shown_number(number), bubbles, (callers or mine or [""])[-1], put_there)


def _received(message: Mapping[str, Any]) -> Bubble:
    return Bubble(
        id=message["id"],
        own=False,
        peer=message["from"],
        text=message["text"],
        parts=message["parts"],
        alphabet=_alphabet(message["data_coding"]),
        at=message["received_at"],
    )


def _written(sent: Sent) -> Bubble:
    return Bubble(
        sent.id, True, sent.to, sent.text, sent.parts, _alphabet(sent.data_coding), to_rfc3339(sent.at)
    )


def _alphabet(data_coding: int) -> str:
    return _ALPHABETS.get(data_coding, f"data_coding {data_coding}")


def _connection(session: Session) -> Connection:
    return Connection(session.number, session.state.value, session.peer, session.outstanding)


def _line(entry: Entry) -> Line:
    one: Mapping[str, Any] = shown_entry(entry)
    status = one["command_status"]
    return Line(
        n=one["n"],
        time=one["at"][11:23],
        conn=one["conn"],
        out=one["dir"] == "out",
        command=one["command"],
        sequence="" if one["sequence"] is None else str(one["sequence"]),
        status=status_name(status).removeprefix("ESME_") if status else "",
        what=_what(one["fields"]),
    )


def _what(fields: Mapping[str, Any]) -> str:
    """The few fields that tell lines apart."""
    if fields.get("malformed"):
        return "malformed"
    found = " → ".join(str(fields[name]) for name in _TEXTUAL if fields.get(name))
    return f"receipt: {found}" if _is_receipt(fields) else found


def _is_receipt(fields: Mapping[str, Any]) -> bool:
    return "esm_class" in fields and fields["esm_class"] & ESM_TYPE_MASK == ESM_RECEIPT
