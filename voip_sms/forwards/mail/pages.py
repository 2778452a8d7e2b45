"""What a mail says: a job's values in the words of its reader's language, laid out as text or HTML."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from voip_sms.core.clock import to_datetime
from voip_sms.core.mail import notices
from voip_sms.core.model import INTERNAL, ForwardJob, Message
from voip_sms.core.notices import FAILURES, not_taken
from voip_sms.core.rating import amount_text
from voip_sms.forwards.mail.headers import answerable, line

LANGUAGES: Final = frozenset({"en", "pl"})
_TEMPLATES: Final = {
    "message.received": "received",
    "message.delivered": "delivered",
    **dict.fromkeys(FAILURES, "failed"),
    notices.INFO: "info",
    notices.LIMIT: "limit",
    notices.CUT: "cut",
    notices.REFUSED: "refused",
    notices.INVITATION: "invitation",
    notices.FORGOTTEN: "forgotten",
    notices.BALANCE_LOW: "balance_low",
    notices.LIMIT_REACHED: "limit_reached",
    notices.NAME_APPROVED: "name_approved",
    notices.REGISTERED: "registered",
    notices.APPROVED: "approved",
    notices.NOT_ACCEPTED: "not_accepted",
}
_LABEL: Final = 30
"""Characters of a recipient that stands as a label: on a telephone it takes the width of the screen."""
_SENTENCE: Final = 500
"""Characters of what somebody wrote about somebody else: a reason is a sentence or two."""
_LISTED: Final = 20
"""Recipients that are named one by one; then it says how many more there are."""


def _lines(text: str) -> Markup:
    """Text with its line breaks, for mail programs that know no `white-space`."""
    return Markup("<br>").join(escape(one) for one in text.splitlines())


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("voip_sms.forwards.mail"),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["lines"] = _lines
    return made


_ENVIRONMENT: Final = _environment()


@dataclass(frozen=True, slots=True)
class Page:
    """One mail in words. `bare`: the text part is the SMS alone, for programs that read it; `foot` below."""

    language: str
    subject: str
    lead: str
    rows: tuple[tuple[str, str], ...]
    label: str
    quote: str
    advice: str
    foot: str
    bare: bool

    def text(self) -> str:
        """The plain part; the foot stands below the separator of RFC 3676 4.3."""
        quote = self.quote if self.bare else _under(self.label, self.quote)
        rows = "\n".join(f"{label}: {value}" for label, value in self.rows)
        blocks = (quote,) if self.bare else (self.lead, rows, quote, self.advice)
        said = "\n\n".join(filter(None, blocks))
        return f"{said}\n\n-- \n{self.foot}\n" if self.foot else said

    def html(self) -> str:
        """The HTML part: the same words."""
        return _ENVIRONMENT.get_template("mail.html").render(page=self)


def _under(label: str, quote: str) -> str:
    return f"{label}:\n" + "\n".join(f"  {one}" for one in quote.splitlines()) if quote else ""


def page_of(job: ForwardJob, address_of: Callable[[str], str]) -> Page:
    """The mail that tells of the job's event; English where its language is unknown.

    `address_of`: where a number is written to by mail.
    """
    wanted = job.payload.get("language", job.language)  # of a person, or else of their tenant
    language = wanted if wanted in LANGUAGES else "en"
    template = _ENVIRONMENT.get_template(f"{language}/{_TEMPLATES[job.event]}.txt")
    values = _Values(job, address_of)
    said = vars(template.make_module({"it": values.all()}))
    return Page(
        language=language,
        subject=said["subject"],
        lead=said.get("lead", ""),
        rows=tuple((str(label), str(value)) for label, value in said.get("rows", ()) if value),
        label=said.get("label", ""),
        quote=values.quote(),
        advice=said.get("advice", ""),
        foot=said.get("foot", ""),
        bare=job.event == "message.received",
    )


class _Values:
    """What templates may say, by event: plain texts only."""

    def __init__(self, job: ForwardJob, address_of: Callable[[str], str]) -> None:
        self._job = job
        self._zone: tzinfo = ZoneInfo(job.timezone)
        self._address_of = address_of

    def all(self) -> Mapping[str, object]:
        match self._job.event:
            case notices.INFO:
                return self._info()
            case notices.LIMIT:
                return self._limit()
            case notices.CUT:
                return self._cut()
            case notices.REFUSED:
                return self._refused()
            case event if event in notices.PEOPLE:
                return self._person()
            case _:
                return self._message(self._job.message)

    def quote(self) -> str:
        """The text of the SMS, where the mail is about one and it is still there."""
        return "" if self._job.event in notices.EVENTS else self._job.message.text or ""

    # --- about a message ------------------------------------------------------------------------------------

    def _message(self, message: Message) -> Mapping[str, object]:
        job = self._job
        missed = job.instead_of
        account = message.account.removeprefix("mail:")
        return {
            "sender": _party(message.sender),
            "to": _party(message.to),
            "address": self._address_of(_party(message.to)),
            "answerable": answerable(message.sender),
            "code": "internal" if INTERNAL in message.flags else message.error_code or "",
            "network": _network(message),
            "sent": self._moment(message.created_at),
            "ended": self._moment(_ended(job)),
            "parts": message.parts,
            "price": _price(message),
            "by": account if account.lower() != job.target.lower() else "",
            "partial": "partial" in message.flags,
            "missed": ""
            if missed is None
            else not_taken(message, line(missed.name), job.timezone, job.language),
        }

    # --- about none -----------------------------------------------------------------------------------------

    def _info(self) -> Mapping[str, object]:
        payload = cast(notices.InfoPayload, self._job.payload)
        return {"address": payload["address"], "uses": [self._use(one) for one in payload["uses"]]}

    def _limit(self) -> Mapping[str, object]:
        payload = cast(notices.LimitPayload, self._job.payload)
        return {"address": payload["address"], **self._use(payload["use"])}

    def _use(self, use: notices.UsePayload) -> dict[str, Any]:
        return {**use, "until": self._moment(use["until"])}

    def _cut(self) -> Mapping[str, object]:
        payload = cast(notices.CutPayload, self._job.payload)
        to, more = _first(payload["to"])
        return {"to": ", ".join(map(line, to)), "more": more, "kept": payload["kept"], "of": payload["of"]}

    def _refused(self) -> Mapping[str, object]:
        payload = cast(notices.RefusedPayload, self._job.payload)
        items, more = _first(payload["items"])
        shown = [{"to": line(one["to"], _LABEL), "code": one["code"]} for one in items]
        return {"items": shown, "more": more + payload["more"]}

    def _person(self) -> Mapping[str, object]:
        """Whatever people typed is one line; a link is ours."""
        said = {key: line(str(one), _SENTENCE) for key, one in self._job.payload.items() if key != "link"}
        until = self._job.payload.get("until")
        if isinstance(until, int):
            said["until"] = self._moment(until) + (" UTC" if self._job.timezone == "UTC" else "")
        return {**said, "link": self._job.payload.get("link", "")}

    def _moment(self, moment: int) -> str:
        return f"{to_datetime(moment).astimezone(self._zone):%Y-%m-%d %H:%M}"


def _first(many: Sequence[Any]) -> tuple[Sequence[Any], int]:
    return many[:_LISTED], max(0, len(many) - _LISTED)


def _party(number: str) -> str:
    return line(number.removeprefix("sip:"))


def _network(message: Message) -> str:
    """What the carrier said, such as `UNDELIV 069`, where it says more than the reason does."""
    detail = line(message.error_detail or "")
    return "" if detail == (message.error_code or "") else detail


def _ended(job: ForwardJob) -> int:
    """When the message came to its end, as its history has it."""
    status = job.event.rpartition(".")[2]
    return max((one.at for one in job.message.events if one.status == status), default=job.created_at)


def _price(message: Message) -> str:
    return f"{amount_text(message.price)} {message.currency}" if message.price and message.currency else ""
