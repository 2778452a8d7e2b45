"""The phones of the matrix by name: four makes, three transports, an account and a number for each pair."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from support.baresip import Baresip
from support.raw_phone import RawPhone
from support.sipp_phone import SippPhone
from voip_sms.demo.linphone import Habits, Linphone
from voip_sms.demo.phone import Incoming, Phone, PhoneAccount, Sent
from voip_sms.demo.recorder import Recorder

MAKES: Final = ("pjsua2", "baresip", "linphone", "sipp")
TRANSPORTS: Final = ("udp", "tcp", "tls")
DOMAIN: Final = "sms.test"


class AnyPhone(Protocol):
    """What a person can do with a phone."""

    account: PhoneAccount
    messages: Recorder[Incoming]

    async def register(self, within: float = ...) -> Sent: ...
    async def send(self, to: str, text: str, within: float = ...) -> Sent: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in the matrix: which phone over which transport, its user and its own number."""

    make: str
    transport: str
    user: str
    number: str

    def __str__(self) -> str:
        return f"{self.make}-{self.transport}"


SEATS: Final = tuple(
    Seat(make, transport, f"{20 + row}{column}", f"+4860100{20 + row}{column}0")
    for row, make in enumerate(MAKES)
    for column, transport in enumerate(TRANSPORTS)
)


def seated(document: dict[str, Any]) -> None:
    """Give every seat an account and a number that rings there alone."""
    tenant = document["tenants"][0]
    tenant["credit"] = "1000.00"
    for seat in SEATS:
        identity = {"kind": "number", "value": seat.number}
        tenant["sip_accounts"].append({"user": seat.user, "password": f"pw{seat.user}", "identity": identity})
        ringing = [{"kind": "sip", "to": [seat.user]}]
        tenant["numbers"].append(
            {"number": seat.number, "kind": "own_mobile", "carrier": "sim", "forwards": ringing}
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service listens by transport, whom phones trust, whom baresip knows, and a folder for all."""

    ports: Mapping[str, int]
    root_ca: Path
    contacts: tuple[str, ...]
    folder: Path

    def phone(self, seat: Seat) -> AnyPhone:
        """The phone of a seat, not started yet."""
        account = PhoneAccount(
            seat.user,
            f"pw{seat.user}",
            DOMAIN,
            "127.0.0.1",
            self.ports[seat.transport],
            seat.transport,
            root_ca=str(self.root_ca) if seat.transport == "tls" else "",
        )
        home = self.folder / str(seat)
        home.mkdir()
        return _MAKERS[seat.make](account, home, self)


def _pjsua2(account: PhoneAccount, home: Path, place: Place) -> AnyPhone:
    del place
    return Phone(account, log=home / "phone.log")


def _baresip(account: PhoneAccount, home: Path, place: Place) -> AnyPhone:
    return Baresip(account, home, place.contacts, place.root_ca)


def _linphone(account: PhoneAccount, home: Path, place: Place) -> AnyPhone:
    return Linphone(account, home, Habits(root_ca=place.root_ca))


def _sipp(account: PhoneAccount, home: Path, place: Place) -> AnyPhone:
    """COMPAT: Debian's sipp is built without TLS."""
    del place
    return RawPhone(account) if account.transport == "tls" else SippPhone(account, home)


_MAKERS: Final[Mapping[str, Callable[[PhoneAccount, Path, Place], AnyPhone]]] = {
    "pjsua2": _pjsua2,
    "baresip": _baresip,
    "linphone": _linphone,
    "sipp": _sipp,
}


async def whole(phone: AnyPhone, text: str, after: int, within: float) -> tuple[str, int]:
    """What came in since message `after`, put together, until it is as long as `text`; and in how many messages.

    A text that is too long for one datagram comes in several when the phone takes UDP only.
    """
    count = after + 1
    while True:
        pieces = (await phone.messages.count(count, within))[after:]
        joined = "".join(piece.body for piece in pieces)
        if len(joined) >= len(text):
            return joined, len(pieces)
        count = len(phone.messages) + 1
