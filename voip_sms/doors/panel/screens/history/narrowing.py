"""What a history is narrowed to, read from the query: as people type it, in their zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from voip_sms.core import addresses, clock
from voip_sms.core.directory import Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.history import BAD, HistoryFilter
from voip_sms.core.status import Status
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.words import Words, marked

FIELDS: Final = ("number", "direction", "status", "since", "until", "sender", "recipient", "door", "account")
RARE: Final = ("sender", "recipient", "door", "account")
"""What few people look for: it is shown when asked for."""
_DATE: Final = marked("Write the date as 2026-01-31")

STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "way": (Status.ACCEPTED, Status.QUEUED, Status.SENDING, Status.SENT),
    "scheduled": (Status.SCHEDULED,),
    "delivered": (Status.DELIVERED,),
    "bad": BAD,
    "canceled": (Status.CANCELED,),
    "received": (Status.RECEIVED,),
}
"""By what the list of choices calls them."""
STATUS_WORDS: Final = {
    "": marked("Every state"),
    "way": marked("On the way"),
    "scheduled": marked("Scheduled"),
    "delivered": marked("Delivered"),
    "bad": marked("Not delivered"),
    "canceled": marked("Canceled"),
    "received": marked("Received"),
}
DIRECTION_WORDS: Final = {
    "": marked("Sent and received"),
    "outbound": marked("Sent"),
    "inbound": marked("Received"),
}
DOOR_WORDS: Final = {
    "": marked("Everywhere"),
    "panel": marked("Panel"),
    "sip": marked("SIP phone"),
    "mail": marked("Mail"),
    "api": marked("API"),
    "ivr": marked("Call (IVR)"),
    "forward": marked("Forwarding"),
    "carrier": marked("Mobile network"),
    "code": marked("Verification"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, with what is wrong; what is wrong is left out of `only`."""

    only: HistoryFilter
    form: Form

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked for."""
        return any(self.form.value(name) for name in FIELDS)

    @property
    def rare(self) -> bool:
        """Whether something was that few people ask for."""
        return any(self.form.value(name) for name in RARE)

    @property
    def query(self) -> dict[str, str]:
        """The same once more, for links."""
        return {name: str(self.form.value(name)) for name in FIELDS if self.form.value(name)}


def asked_of(typed: Mapping[str, str], words: Words, zone: tzinfo, country: str) -> Asked:
    """Read it. `zone`: whose days are meant; `country`: whose national numbers are understood."""
    errors: dict[str, str] = {}
    since = _midnight(typed, "since", zone, errors)
    until = _midnight(typed, "until", zone, errors, after=1)
    if since is not None and until is not None and until <= since:
        errors["until"] = marked("This is before the first day")
        until = None
    direction = typed["direction"]
    only = HistoryFilter(
        direction="inbound" if direction == "inbound" else "outbound" if direction == "outbound" else None,
        door=typed["door"] if typed["door"] in DOOR_WORDS and typed["door"] else None,
        account=typed["account"] or None,
        sender=_party(typed["sender"], country),
        recipient=_party(typed["recipient"], country),
        peer=_party(typed["number"], country),
        statuses=STATUSES.get(typed["status"], ()),
        since=since,
        until=until,
    )
    kept = {
        name: "" if name in errors else text for name, text in typed.items()
    }  # browsers drop such a date, too
    return Asked(only, Form(kept, {name: words(text) for name, text in errors.items()}))


def _party(typed: str, country: str) -> str | None:
    """A number as it is stored; what is none (a name, an extension) as it was typed."""
    if not typed:
        return None
    try:
        return addresses.number(typed, country).e164
    except Refusal:
        return typed


def _midnight(
    typed: Mapping[str, str], name: str, zone: tzinfo, errors: dict[str, str], after: int = 0
) -> Micros | None:
    """The beginning of the day in this field, or of the one so many `after` it."""
    if not typed[name]:
        return None
    try:
        day = date.fromisoformat(typed[name]) + timedelta(days=after)
        return clock.from_datetime(datetime.combine(day, time(), zone))
    except (ValueError, OverflowError):
        errors[name] = _DATE
        return None
