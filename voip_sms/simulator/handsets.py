"""Virtual handsets: they join the parts of what they get, and write texts of their own."""

import itertools
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voip_sms.core.clock import SECOND, Clock, to_rfc3339
from voip_sms.core.segments import UCS2_PART, Segmented, segment
from voip_sms.wire.smpp import Address, DeliverSm, EncodeError, SubmitSm, Tlv, decode
from voip_sms.wire.smpp.numbers import (
    CODING_DEFAULT,
    CODING_UCS2,
    ESM_UDHI,
    NPI_ISDN,
    NPI_UNKNOWN,
    TAG_USER_MESSAGE_REFERENCE,
    TON_ALPHANUMERIC,
    TON_INTERNATIONAL,
    TON_NETWORK,
)
from voip_sms.wire.smpp.text import Alphabet, Long, body, content, decode_text, encode_text
from voip_sms.wire.udh import Concat

# A text whose parts never all come is forgotten when this many wait; a handset forgets too.
MAX_UNFINISHED: Final = 10_000
# The concatenation header counts parts in one octet (3GPP TS 23.040, 9.2.3.24.1).
MAX_PARTS: Final = 255
_REFERENCES: Final = 1 << 16  # user_message_reference, SMPP 3.4, 5.3.2.17
_PART_REFERENCES: Final = 1 << 8
# Shorter numbers are short codes: they have no country.
_SHORTEST_E164: Final = 7

# What handsets wrote, for the page alone: more than anybody scrolls through.
SENT_KEPT: Final = 1_000
# Places of the arrivals looked at for the handsets that got something last.
_RECENT_LOOK: Final = 2_000

_Key = tuple[Address, str, int, int]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a handset sends: E.164 or short code `to`; `order` of its parts, from 1, repeats allowed."""

    to: str
    text: str
    order: Sequence[int] | None = None


class PartsOrderError(ValueError):
    """The order names a part that the text doesn't have: it has `parts`."""

    def __init__(self, parts: int) -> None:
        super().__init__(f"the text has {parts} part{'s' if parts > 1 else ''}")
        self.parts = parts


@dataclass(frozen=True, slots=True)
class Sent:
    """What a handset wrote; `at` epoch microseconds, `number` its own, digits without `+`."""

    id: str
    at: int
    number: str
    to: str
    text: str
    parts: int
    data_coding: int


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    at: int
    frames: tuple[bytes, ...]  # as they came; decoded when somebody looks


class Handsets:
    """All handsets; one comes into being when it is first written to. Keeps the newest `size` messages."""

    def __init__(self, clock: Clock, alphabet: Alphabet, long: Long, size: int) -> None:
        self._clock = clock
        self._alphabet = alphabet
        self._long = long
        self._size = size
        self._inboxes: dict[str, deque[_Message]] = {}
        self._order: deque[str] = deque()  # whose message is oldest
        self._unfinished: OrderedDict[_Key, dict[int, bytes]] = OrderedDict()
        self._sent: deque[Sent] = deque(maxlen=SENT_KEPT)
        self._numbers = itertools.count(1)
        # Not from 0 after every start: a text typed again would look like a repetition of the carrier's.
        self._references = itertools.count(clock.now() // SECOND)

    def take(self, pdu: SubmitSm, frame: bytes) -> None:
        """A part or a whole message reaches the handset `pdu.dest`; `frame` is the PDU as it came."""
        if not (pdu.esm_class & ESM_UDHI or pdu.tlvs):
            self._keep(pdu.dest.value, (frame,))
            return
        concat = content(pdu).concat
        if concat is None or concat.total == 1:
            self._keep(pdu.dest.value, (frame,))
        else:
            self._join(pdu, concat, frame)

    def numbers(self) -> list[str]:
        """The handsets that hold messages, digits without `+`."""
        return list(self._inboxes)

    def messages(self, number: str, most: int | None = None) -> list[dict[str, object]]:
        """What the handset got, oldest first, as GET /handsets/{n}/messages gives it; the last `most`."""
        inbox = self._inboxes.get(number)
        if not inbox:
            return []
        skipped = 0 if most is None else max(len(inbox) - most, 0)
        return [self._shown(message) for message in itertools.islice(inbox, skipped, None)]

    def recent(self, most: int) -> list[str]:
        """The handsets that got something last, the latest first; a few may be missing after a burst."""
        last = itertools.islice(reversed(self._order), _RECENT_LOOK)
        writing = (sent.number for sent in reversed(self._sent))
        return list(itertools.islice(dict.fromkeys(itertools.chain(last, writing)), most))

    def sent(self, number: str) -> list[Sent]:
        """What the handset wrote, oldest first, as far as it is kept."""
        return [one for one in self._sent if one.number == number]

    def wrote(self, identifier: str, number: str, outgoing: Outgoing, pdus: Sequence[DeliverSm]) -> None:
        """Keep what `compose` made and was sent off, to be shown."""
        parts = len(set(outgoing.order)) if outgoing.order else len(pdus)
        coding = pdus[0].data_coding
        self._sent.append(
            Sent(identifier, self._clock.now(), number, outgoing.to, outgoing.text, parts, coding)
        )

    def compose(self, number: str, outgoing: Outgoing) -> list[DeliverSm]:
        """The deliver_sm of a text that the handset `number` (digits, or a name) sends, one a part.

        Raises Refusal for an empty or endless text, PartsOrderError, EncodeError for unusable addresses.
        """
        cut = segment(outgoing.text, MAX_PARTS)
        coding, parts = self._encoded(outgoing.text, cut)
        order = outgoing.order or range(1, len(parts) + 1)
        if not all(1 <= n <= len(parts) for n in order):
            raise PartsOrderError(len(parts))
        reference = next(self._references) % _REFERENCES
        source, dest = handset_address(number), service_address(outgoing.to)
        return [self._deliver(source, dest, coding, parts, (n, reference)) for n in order]

    def _encoded(self, text: str, cut: Segmented) -> tuple[int, list[bytes]]:
        coding = CODING_DEFAULT if cut.encoding == "gsm7" else CODING_UCS2
        pieces = (text,) if self._long is Long.PAYLOAD else cut.parts
        try:
            return coding, [encode_text(piece, coding, self._alphabet) for piece in pieces]
        except EncodeError:
            if coding == CODING_UCS2:
                raise
        # It fits the GSM alphabet, but not what data_coding 0 means here. Cuts of 153 are too long for UCS-2.
        halves = [half for piece in pieces for half in _halves(piece, self._long)]
        return CODING_UCS2, [encode_text(half, CODING_UCS2) for half in halves]

    def _deliver(
        self, source: Address, dest: Address, coding: int, parts: list[bytes], which: tuple[int, int]
    ) -> DeliverSm:
        n, reference = which
        several = len(parts) > 1
        concat = Concat(reference % _PART_REFERENCES, len(parts), n, wide=False) if several else None
        made = body(parts[n - 1], coding, concat, self._long)
        # Without it, two equal texts would be the same octets: nobody could tell a repetition from a new one.
        own = Tlv(TAG_USER_MESSAGE_REFERENCE, reference.to_bytes(2))
        return DeliverSm(0, source, dest, made.short_message, made.esm_class, coding, tlvs=(own, *made.tlvs))

    def _join(self, pdu: SubmitSm, concat: Concat, frame: bytes) -> None:
        key = (pdu.source, pdu.dest.value, concat.reference, concat.total)
        parts = self._unfinished.setdefault(key, {})
        parts[concat.sequence] = frame
        if len(parts) == concat.total:
            del self._unfinished[key]
            self._keep(pdu.dest.value, tuple(parts[n] for n in sorted(parts)))
        elif len(self._unfinished) > MAX_UNFINISHED:
            self._unfinished.popitem(last=False)

    def _keep(self, number: str, frames: tuple[bytes, ...]) -> None:
        inbox = self._inboxes.get(number)
        if inbox is None:
            inbox = self._inboxes[number] = deque()
        inbox.append(_Message(f"sms-{next(self._numbers)}", self._clock.now(), frames))
        self._order.append(number)
        if len(self._order) > self._size:
            self._forget(self._order.popleft())

    def _forget(self, number: str) -> None:
        inbox = self._inboxes[number]
        inbox.popleft()
        if not inbox:
            del self._inboxes[number]

    def _shown(self, message: _Message) -> dict[str, object]:
        pdus = [pdu for pdu in map(decode, message.frames) if isinstance(pdu, SubmitSm)]
        first = pdus[0]
        octets = b"".join(content(pdu).octets for pdu in pdus)
        return {
            "id": message.id,
            "from": shown_address(first.source),
            "from_ton": first.source.ton,
            "to": shown_address(first.dest),
            "text": decode_text(octets, first.data_coding, self._alphabet),
            "parts": len(pdus),
            "data_coding": first.data_coding,
            "received_at": to_rfc3339(message.at),
        }


def handset_address(number: str) -> Address:
    """How the network names a handset: international digits, or a name where it isn't a number."""
    if number.isdigit():
        return service_address(number)
    return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, number)


def service_address(number: str) -> Address:
    """A number that a handset writes to: international, or network-specific for a short code."""
    digits = number.removeprefix("+")
    if len(digits) < _SHORTEST_E164 and digits == number:
        return Address(TON_NETWORK, NPI_UNKNOWN, digits)
    return Address(TON_INTERNATIONAL, NPI_ISDN, digits)


def shown_address(address: Address) -> str:
    """E.164 with `+` where the type of number says international, else as it came."""
    return f"+{address.value}" if address.ton == TON_INTERNATIONAL else address.value


def _halves(piece: str, long: Long) -> list[str]:
    """A GSM cut in pieces of UCS-2 size; its characters are all single UTF-16 units."""
    if long is Long.PAYLOAD:
        return [piece]
    return [piece[at : at + UCS2_PART] for at in range(0, len(piece), UCS2_PART)]
