"""Every way a request or a hand-over can fail: temporary, permanent or uncertain, with its public code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Nature(StrEnum):
    """What a failure means for whoever waits: try again, give up, or nobody knows whether it happened."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Code:
    """One public error code with the status each door answers (`docs/contract.md`, table of codes).

    `sip` is None where the code cannot arise on SIP; `reason` is the short ASCII reason phrase (English).
    """

    name: str
    http: int
    sip: int | None
    nature: Nature
    title: str
    reason: str = ""
    reason_pl: str = ""


_TABLE = (
    Code(
        "unauthorized",
        401,
        401,
        Nature.PERMANENT,
        "The credentials are missing or wrong",
        "Unauthorized",
        "Brak autoryzacji",
    ),
    Code(
        "forbidden",
        403,
        403,
        Nature.PERMANENT,
        "The credentials do not allow this",
        "Forbidden",
        "Brak uprawnien",
    ),
    Code("not_found", 404, 404, Nature.PERMANENT, "There is no such object", "Not Found", "Nie znaleziono"),
    Code(
        "malformed", 400, 400, Nature.PERMANENT, "The request cannot be read", "Bad Request", "Bledne zadanie"
    ),
    Code(
        "invalid",
        422,
        400,
        Nature.PERMANENT,
        "The request has the wrong shape",
        "Bad Request",
        "Bledne zadanie",
    ),
    Code("conflict", 409, None, Nature.PERMANENT, "The object exists already or was changed meanwhile"),
    Code(
        "too_large",
        413,
        413,
        Nature.PERMANENT,
        "The request is too large",
        "Request Too Large",
        "Zadanie za duze",
    ),
    Code("too_late", 409, None, Nature.PERMANENT, "It is too late for that"),
    Code(
        "sender_not_allowed",
        403,
        403,
        Nature.PERMANENT,
        "This sender may not be used",
        "Sender not allowed",
        "Niedozwolony nadawca",
    ),
    Code(
        "recipient_invalid",
        422,
        404,
        Nature.PERMANENT,
        "The recipient is not a phone number",
        "Recipient invalid",
        "Bledny numer odbiorcy",
    ),
    Code(
        "extension_unknown",
        422,
        404,
        Nature.PERMANENT,
        "There is no such extension",
        "No such extension",
        "Nie ma takiego wewnetrznego",
    ),
    Code(
        "no_route", 422, 404, Nature.PERMANENT, "No carrier serves this destination", "No route", "Brak trasy"
    ),
    Code(
        "recipient_forbidden",
        422,
        403,
        Nature.PERMANENT,
        "This recipient can't or mustn't take an SMS",
        "Recipient forbidden",
        "Niedozwolony odbiorca",
    ),
    Code("blocked", 422, 403, Nature.PERMANENT, "Blocked by a rule", "Blocked", "Zablokowane"),
    Code(
        "opted_out",
        422,
        403,
        Nature.PERMANENT,
        "The recipient has opted out",
        "Recipient opted out",
        "Odbiorca wypisany",
    ),
    Code(
        "limit_reached",
        429,
        403,
        Nature.PERMANENT,
        "A limit has been reached",
        "Limit reached",
        "Limit wyczerpany",
    ),
    Code("text_empty", 422, 200, Nature.PERMANENT, "There is no text to send", "OK", "OK"),
    Code(
        "text_too_long",
        422,
        413,
        Nature.PERMANENT,
        "The text takes too many parts",
        "Text too long",
        "Tekst za dlugi",
    ),
    Code(
        "credit_exhausted",
        402,
        402,
        Nature.PERMANENT,
        "There is not enough credit",
        "Credit exhausted",
        "Brak srodkow",
    ),
    Code(
        "pool_exhausted",
        422,
        480,
        Nature.TEMPORARY,
        "No 2way number is free for this recipient",
        "No 2way number free",
        "Brak wolnego numeru 2way",
    ),
    Code(
        "idempotency_mismatch", 422, None, Nature.PERMANENT, "The Idempotency-Key was used with another body"
    ),
    Code("idempotency_key_invalid", 400, None, Nature.PERMANENT, "The Idempotency-Key is not usable"),
    Code(
        "rate_limited", 429, 503, Nature.TEMPORARY, "Too many requests", "Too many requests", "Za duzo zadan"
    ),
    Code(
        "store_unavailable",
        503,
        503,
        Nature.TEMPORARY,
        "The service cannot store messages right now",
        "Store unavailable",
        "Usluga niedostepna",
    ),
)
CODES: Mapping[str, Code] = {code.name: code for code in _TABLE}

RETRY_AFTER_SECONDS = 5
"""What `Retry-After` says with temporary refusals: longer than one database time-out, short for a person."""


class Refusal(Exception):  # noqa: N818 - it is an answer, and reads as one at every raise
    """A request that is not carried out: `code` from `CODES`, a safe public `detail`, structured `data`.

    Raised by core and engine, answered by doors. Nothing was stored and nothing will be sent.
    """

    def __init__(self, code: str, detail: str = "", data: Mapping[str, object] | None = None) -> None:
        self.code = CODES[code]
        self.detail = detail or self.code.title
        self.data = data or {}
        super().__init__(f"{code}: {self.detail}")

    @property
    def nature(self) -> Nature:
        """Whether asking again can help."""
        return self.code.nature


class StoreUnavailableError(Refusal):
    """The database is locked, full, gone or too slow: temporary for everybody, nothing was acknowledged."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("store_unavailable", detail)


@dataclass(frozen=True, slots=True)
class ContactResult:
    """What came of one phone: `cause` is its status, or why there is none.

    `taken`: characters from the text's beginning that it has, where it got it in pieces; 0 else.
    """

    contact: str
    cause: str
    taken: int = 0


Contacts = tuple[ContactResult, ...]
"""Each phone's own result, where a hand-over went to several; beside the point for whether it worked."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The next hop took it. `reference` is its id there, spelt canonically, or ''; `raw` as it came.

    `handed_to`: who took it without ever saying what becomes of it (`PBX`); "" is whoever it was meant for.
    """

    reference: str = ""
    raw: str = ""
    handed_to: str = ""
    contacts: Contacts = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Temporary:
    """Not taken, may be tried again. `slow` asks the whole link to slow down (throttled)."""

    cause: str
    detail: str = ""
    slow: bool = False
    retry_after: int | None = None
    """Seconds the peer asked us to wait, if it did."""
    contacts: Contacts = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Permanent:
    """Refused for good. `disable` asks to switch the target off (a webhook's 410)."""

    cause: str
    detail: str = ""
    disable: bool = False
    contacts: Contacts = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It left, and no answer came: it may or may not have been taken."""

    cause: str
    detail: str = ""
    contacts: Contacts = field(default=(), compare=False)


Outcome = Accepted | Temporary | Permanent | Uncertain
"""How one hand-over of a stored part or forward ended."""
