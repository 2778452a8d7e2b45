"""What every request must hold, and the refusal it gets otherwise (RFC 3261 8.2)."""

from dataclasses import dataclass
from typing import Final

from voip_sms.wire.sip.grammar import GrammarError, first_outside, has_empty_values, split_outside
from voip_sms.wire.sip.headers import (
    CSeq,
    Headers,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_seconds,
    parse_via,
)
from voip_sms.wire.sip.messages import Request
from voip_sms.wire.sip.uri import SchemeError, SipUri, Uri, parse_uri

MAX_CALL_ID: Final = 256
"""Longest Call-ID taken, in characters: it becomes part of stored keys."""
MAX_EXTENSIONS: Final = 32
"""Option tags that a refusal repeats: more than are registered for any one request."""
_SINGLE: Final = (
    "from",
    "to",
    "call-id",
    "cseq",
    "max-forwards",
    "content-length",
    "content-type",
    "expires",
    "date",
)
"""Headers that may stand only once (RFC 3261 7.3.1)."""
_MAX_FORWARDS_LIMIT: Final = 255
METHODS: Final = frozenset(
    {
        *("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS"),  # RFC 3261
        *("PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH"),  # RFC 3262, 6665, 3903
        *("INFO", "REFER", "MESSAGE", "UPDATE"),  # RFC 6086, 3515, 3428, 3311
    }
)
"""What SIP knows: of these an unserved one gets 405, any other 501 (RFC 3261 8.2.1, 21.5.2)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status, reason phrase and extra headers that a bad request gets."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):  # noqa: N818 - a decision, not a mishap
    """A request that can be answered and must be refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Read:
    """A request with the fields that every handler needs, parsed once."""

    request: Request
    uri: Uri
    cseq: CSeq
    call_id: str
    sender: NameAddr
    recipient: NameAddr


def top_via(headers: Headers) -> Via:
    """The topmost Via; GrammarError when there is none: then nobody can be answered."""
    value = headers.get("via")
    return parse_via(first_outside(value, ",")[0].strip() if "," in value else value)


def read(request: Request, supported: frozenset[str] = frozenset()) -> Read:
    """Check and parse; Refused with 400, 416 or 420. `supported` names the option tags we know."""
    headers = request.headers
    if headers.repeats:
        _check_single(headers)
    if any(has_empty_values(value) for value in headers.all("via")):
        raise Refused(Refusal(400, "Bad Via"))
    try:
        cseq = parse_cseq(headers.get("cseq"))
        sender = _address(headers, "from")
        recipient = _address(headers, "to")
    except GrammarError:
        raise Refused(Refusal(400, "Bad or Missing From, To or CSeq")) from None
    call_id = headers.get("call-id")
    if not call_id or len(call_id) > MAX_CALL_ID or not (call_id.isascii() and call_id.isprintable()):
        raise Refused(Refusal(400, "Bad or Missing Call-ID"))
    if cseq.method != request.method and request.method in METHODS:  # else 501 is due (RFC 4475 3.1.2.18)
        raise Refused(Refusal(400, "CSeq Method Mismatch"))
    hops = parse_seconds(headers.get("max-forwards", "70"))
    if hops is None or hops > _MAX_FORWARDS_LIMIT:
        raise Refused(Refusal(400, "Bad Max-Forwards"))
    if request.method == "REGISTER" and not isinstance(recipient.uri, SipUri):
        raise Refused(Refusal(400, "Bad Address of Record"))
    uri = _request_uri(request.uri)
    _check_required(headers, supported)
    return Read(request, uri, cseq, call_id, sender, recipient)


def _check_single(headers: Headers) -> None:
    for name in _SINGLE:
        if len(headers.all(name)) > 1:
            raise Refused(Refusal(400, f"Repeated {name} Header"))


def _address(headers: Headers, name: str) -> NameAddr:
    """From or To: one value, of any scheme."""
    return parse_name_addr(headers.get(name))


def _request_uri(text: str) -> Uri:
    try:
        uri = parse_uri(text)
    except SchemeError:
        raise Refused(Refusal(416, "Unsupported URI Scheme")) from None
    except GrammarError:
        raise Refused(Refusal(400, "Bad Request-URI")) from None
    if isinstance(uri, SipUri) and uri.headers:  # RFC 3261 19.1.1: not allowed there
        raise Refused(Refusal(400, "Headers in Request-URI"))
    return uri


def _check_required(headers: Headers, supported: frozenset[str]) -> None:
    if "require" not in headers:
        return
    try:
        unknown = [tag for tag in headers.list("require") if tag.lower() not in supported]
    except GrammarError:
        raise Refused(Refusal(400, "Bad Require")) from None
    if len(unknown) > MAX_EXTENSIONS:
        raise Refused(Refusal(400, "Too Many Extensions"))
    if unknown:
        raise Refused(Refusal(420, "Bad Extension", (("unsupported", ", ".join(unknown)),)))


def reply_headers(request: Request, tag: str) -> list[tuple[str, str]]:
    """Via, From, To, Call-ID and CSeq copied for a reply; `tag` completes To (RFC 3261 8.2.6)."""
    kept: list[tuple[str, str]] = []
    for name, value in request.headers:
        if name == "to" and tag and not _has_tag(value):
            kept.append((name, f"{value};tag={tag}"))
        elif name in {"via", "from", "to", "call-id", "cseq"}:
            kept.append((name, value))
    return kept


def _has_tag(value: str) -> bool:
    """Looked for behind the URI: one inside angle brackets belongs to the URI."""
    return ";tag=" in value.rpartition(">")[2].lower().replace(" ", "")


def stamp_via(value: str, via: Via, host: str, port: int) -> str:
    """The top Via value with `received` and `rport` filled in for a request that came from host:port.

    RFC 3261 18.2.1 and RFC 3581 4: `received` when the sent-by host isn't the source or rport was asked for.
    """
    asked = "rport" in via.params
    if not asked and via.host.strip("[]") == host:
        return value
    first, rest = first_outside(value, ",")
    base, *params = split_outside(first, ";")
    kept = [p for p in params if p.partition("=")[0].rstrip().lower() not in {"received", "rport"}]
    kept.append(f"received={host}")
    if asked:
        kept.append(f"rport={port}")
    return ";".join([base, *kept]) + rest
