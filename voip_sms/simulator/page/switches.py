"""The faults as switches: their names in plain words, what each does, what can be set on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.wire.smpp.numbers import STATE_WORDS
from voip_sms.wire.smpp.status import status_name


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set: `choices` make a list, otherwise it is typed."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...] = ()
    whole: bool = False
    """A whole number."""


@dataclass(frozen=True, slots=True)
class About:
    """One kind of fault. `to`: what a number means to it, '' when it means nothing."""

    kind: str
    title: str
    effect: str
    fields: tuple[Field, ...] = ()
    to: str = "Only for this number"
    counts: str = "How many times"


@dataclass(frozen=True, slots=True)
class Armed:
    """One that is armed: its id, and what is left and for whom in words."""

    id: str
    how: str


@dataclass(frozen=True, slots=True)
class Switch:
    """One kind of fault as it stands."""

    about: About
    armed: tuple[Armed, ...]

    @property
    def on(self) -> bool:
        """Whether any of its kind is armed."""
        return bool(self.armed)


_REFUSALS: Final = (
    "RSYSERR",
    "RTHROTTLED",
    "RMSGQFUL",
    "RSUBMITFAIL",
    "RINVDSTADR",
    "RINVSRCADR",
    "RINVMSGLEN",
)
_BIND_REFUSALS: Final = ("RBINDFAIL", "RINVPASWD", "RINVSYSID", "RTHROTTLED")
_STATES: Final = tuple(sorted(STATE_WORDS.values(), key=lambda word: word != "UNDELIV"))

ABOUT: Final = (
    About(
        "reject",
        "Refuse messages",
        "submit_sm is answered with an error, nothing is taken",
        (Field("command_status", "Error", "RSYSERR", _REFUSALS),),
    ),
    About(
        "latency",
        "Answer late",
        "submit_sm_resp and the receipt come later",
        (Field("ms", "Milliseconds", "2000", whole=True),),
    ),
    About("no_response", "Never answer", "the message is taken, submit_sm_resp never comes"),
    About(
        "drop",
        "Cut the connection",
        "the message is taken, then the connection is closed",
        (Field("when", "When", "before_response", ("before_response", "after_response")),),
    ),
    About(
        "refuse_bind",
        "Refuse binds",
        "whoever connects is not let in",
        (
            Field(
                "command_status", "Error", "RBINDFAIL", ("RBINDFAIL", "RINVPASWD", "RINVSYSID", "RTHROTTLED")
            ),
        ),
        to="",
    ),
    About(
        "offline",
        "Out of service",
        "the carrier is gone; with a number: that handset is off and gets everything later",
        to="Only this handset",
    ),
    About("no_receipt", "Lose receipts", "the receipt that was asked for never comes"),
    About(
        "receipt",
        "Bad receipts",
        "the receipt says this; only with DELIVRD does the handset get the message",
        (Field("stat", "State", "UNDELIV", _STATES), Field("err", "Error code", "001")),
    ),
    About("receipt_before_response", "Receipt too early", "the receipt overtakes submit_sm_resp"),
    About("duplicate_receipt", "Receipt twice", "every receipt comes two times"),
    About(
        "duplicate_mo",
        "Answer twice",
        "what a handset writes comes two times, octet for octet",
        to="Only to this number",
    ),
    About("garbage", "Send garbage", "octets that are not SMPP come instead of an answer"),
)

KINDS: Final = frozenset(about.kind for about in ABOUT)


def switches(armed: Iterable[Mapping[str, Any]]) -> list[Switch]:
    """All switches, with what of their kind is armed (as `MessageCentre.armed` lists it)."""
    by_kind: dict[str, list[Armed]] = {}
    for one in armed:
        by_kind.setdefault(str(one["fault"]), []).append(Armed(str(one["id"]), _how(one)))
    return [Switch(about, tuple(by_kind.get(about.kind, ()))) for about in ABOUT]


def asked(form: Mapping[str, str]) -> dict[str, Any]:
    """A form as the body of POST /faults; what was left empty is left out."""
    return {name: value for name, value in form.items() if value and name not in {"do", "id"}}


def _how(one: Mapping[str, Any]) -> str:
    words = [_left(one["left"])]
    if one["to"]:
        words.append(f"for +{one['to']}" if str(one["to"]).isdigit() else f"for {one['to']}")
    if "command_status" in one:
        words.append(status_name(one["command_status"]).removeprefix("ESME_"))
    if "ms" in one:
        words.append(f"{one['ms']} ms")
    if "when" in one:
        words.append(str(one["when"]).replace("_", " "))
    if "stat" in one:
        words.append(f"{one['stat']} {one['err']}")
    return " · ".join(words)


def _left(left: int | None) -> str:
    return "until switched off" if left is None else "once more" if left == 1 else f"{left} more times"
