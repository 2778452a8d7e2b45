"""What the operator has: keys of its own, carriers, routes, price lists and 2way pools."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from voip_sms.core.clock import DAY
from voip_sms.core.resources.people import OperatorPerson
from voip_sms.core.resources.values import (
    Money,
    Number,
    Prefix,
    Resource,
    Span,
    Title,
    Token,
    Word,
    complaint,
)

# A pool is leased number by number per recipient: some thousands are the largest that operators rent.
POOL_NUMBERS = 10_000
RATES = 10_000
"""Prefixes of the whole world's networks: about 5,000."""


class Operator(Resource):
    """A key of the operator's staff or programs: it sees what is everybody's and sends nothing.

    Of `token` only a hash is kept.
    """

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("token",)

    name: Title
    token: Token | None = None
    enabled: bool = True


def _key_or_person(value: Any) -> str:
    """The tag of what has a mail address, and of what has none; tags begin with a colon (`forwards.py`)."""
    has_mail = "mail" in value if isinstance(value, dict) else isinstance(value, OperatorPerson)
    return ":person" if has_mail else ":key"


OneOfOperators = Annotated[
    Annotated[Operator, Tag(":key")] | Annotated[OperatorPerson, Tag(":person")],
    Discriminator(_key_or_person),
]
"""A key of the operator's, or with `mail` somebody who signs in at the panel."""


class SmppCarrier(Resource):
    """An SMPP 3.4 account at a carrier; every key beside name, kind and enabled is its `settings`."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("kind", "host", "system_id")

    name: Word
    kind: Literal["smpp"] = "smpp"
    enabled: bool = True
    host: Annotated[str, Field(min_length=1, max_length=253)] = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 2775
    system_id: Annotated[str, Field(max_length=15)] = ""
    """SMPP 3.4 section 5.2.1: at most 15 octets."""
    password: Annotated[str, Field(max_length=64, repr=False)] = ""
    """Section 5.2.2 allows 8; carriers give longer ones."""
    system_type: Annotated[str, Field(max_length=12)] = ""
    bind: Literal["transceiver", "transmitter", "receiver", "pair"] = "transceiver"
    """`pair`: a transmitter and a receiver on connections of their own."""
    window: Annotated[int, Field(ge=1, le=1000)] = 10
    """Submits that may wait for their responses at one time."""
    rate: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Parts a second; 0: no limit."""
    long: Literal["udh", "sar", "payload"] = "udh"
    default_alphabet: Literal["gsm7", "latin1", "ascii"] = "gsm7"
    """What data_coding 0 means to this carrier."""
    id_format: Literal["auto", "dec", "hex", "text"] = "auto"
    short_code_ton: Annotated[int, Field(ge=0, le=7)] = 3
    short_code_npi: Annotated[int, Field(ge=0, le=18)] = 0
    tls: bool = False
    tls_ca: str = ""
    """PEM file of the authorities to trust; '' = the system's."""
    receipts: bool = True
    """Ask for delivery receipts."""
    enquire_interval: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds of silence before enquire_link."""
    connect_timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    response_timeout: Annotated[float, Field(gt=0, le=120)] | None = None
    """Seconds to wait for a response; left out: `dispatch.response_timeout` of the service."""


Carrier = SmppCarrier
"""By `kind`; one kind so far."""


class Route(Resource):
    """Destinations that begin with `prefix` go to `carrier`; longest prefix first, then lowest priority."""

    prefix: Prefix
    carrier: Word
    priority: Annotated[int, Field(ge=0, le=1000)] = 0


class Rate(Resource):
    """The price of one part to destinations that begin with `prefix`."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("amount",)

    prefix: Prefix
    amount: Money = 0


class PriceList(Resource):
    """Dated rates; the newest list of a name that is in force counts."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("currency",)

    name: Word
    currency: Annotated[str, Field(examples=["PLN"])] = ""
    valid_from: date = date(2000, 1, 1)
    """In force from the beginning of this day, UTC."""
    rates: Annotated[tuple[Rate, ...], Field(max_length=RATES)] = ()

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str) -> str:
        # ISO 4217 letters; whether such a currency exists is nothing that we compute with.
        if len(value) != 3 or not value.isascii() or not value.isalpha() or not value.isupper():  # noqa: PLR2004
            raise complaint("not a currency: write its three letters, such as PLN")
        return value


class Pool(Resource):
    """Numbers for 2way, each leased per recipient for `window`. `numbers` replaces the whole list."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("carrier", "numbers")

    name: Word
    carrier: Word = ""
    window: Span = 7 * DAY
    numbers: Annotated[tuple[Number, ...], Field(max_length=POOL_NUMBERS)] = ()
