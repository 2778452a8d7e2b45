"""SIP, SIPS and tel URIs: text to values and back (RFC 3261 19.1, RFC 3966)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from voip_sms.wire.sip.grammar import GrammarError

MAX_URI: Final = 1024
"""Longest URI taken, in characters: four times what any phone sends, small enough to refuse cheaply."""
_CACHED: Final = 4096
"""URIs kept parsed: a phone's own address comes with each of its requests."""
_PORT_MAX: Final = 65535
_USER_SAFE: Final = "-_.!~*'()&=+$/"
"""Characters that stand unescaped in a user part; `;`, `?` and `,` are escaped too, since peers cut there."""
_TEL_SAFE: Final = "+-.()*#"
"""What a number may hold unescaped beside letters and digits (RFC 3966 3)."""
_USERINFO: Final = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/:#\[\]|^`{}\x80-\U0010ffff]|%[0-9A-Fa-f]{2})+")
_HOST: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9.])?")
_TAIL: Final = re.compile(r"[^\s<>\"\x00-\x1f\x7f\ud800-\udfff]*")
"""What any URI is made of; surrogates stand for octets that were no UTF-8, and could not be stored."""


class SchemeError(GrammarError):
    """A well-formed URI of a scheme that isn't ours: 416 (RFC 3261 8.2.2.1)."""


@dataclass(frozen=True, slots=True)
class SipUri:
    """`sip:` or `sips:`; `userinfo` is as it stood on the wire (password included), `user` is readable."""

    host: str
    userinfo: str = ""
    port: int | None = None
    secure: bool = False
    params: dict[str, str] = field(default_factory=dict)
    headers: str = ""

    @property
    def user(self) -> str:
        """The user, unescaped, without password; parameters inside the user part belong to it."""
        return _unescape(self.userinfo.partition(":")[0])

    @property
    def aor(self) -> tuple[str, str]:
        """Address of record as (user, host in lower case): what two URIs are compared by in a registrar."""
        return self.user, self.host.lower()

    def __str__(self) -> str:
        """The URI in wire form, without headers."""
        parts = ["sips:" if self.secure else "sip:"]
        if self.userinfo:
            parts.append(f"{self.userinfo}@")
        parts.append(self.host)
        if self.port is not None:
            parts.append(f":{self.port}")
        parts += [f";{name}={value}" if value else f";{name}" for name, value in self.params.items()]
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class TelUri:
    """`tel:`; `number` readable, visual separators included."""

    number: str
    params: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The URI in wire form."""
        tail = "".join(f";{name}={value}" if value else f";{name}" for name, value in self.params.items())
        return f"tel:{percent_encode(self.number, safe=_TEL_SAFE)}{tail}"


@dataclass(frozen=True, slots=True)
class ForeignUri:
    """A URI of a scheme that isn't ours, as written: legal in From and To, of use to nobody here."""

    text: str

    def __str__(self) -> str:
        """The URI in wire form."""
        return self.text


Uri = SipUri | TelUri | ForeignUri


@lru_cache(maxsize=_CACHED)
def parse_uri(text: str) -> SipUri | TelUri:
    """Parse a URI of a scheme we serve; SchemeError for others, GrammarError for what is none."""
    if len(text) > MAX_URI:
        raise GrammarError("URI too long")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not rest or not _TAIL.fullmatch(text):
        raise GrammarError("not a URI")
    if scheme in {"sip", "sips"}:
        return _parse_sip(rest, secure=scheme == "sips")
    if scheme == "tel":
        number, _, params = rest.partition(";")
        return TelUri(percent_decode(number), _uri_params(params))
    if not re.fullmatch(r"[a-z][a-z0-9+.\-]*", scheme):
        raise GrammarError("not a URI")
    raise SchemeError("unsupported URI scheme")


def _parse_sip(rest: str, *, secure: bool) -> SipUri:
    userinfo, at, tail = rest.partition("@")
    if not at:
        userinfo, tail = "", rest
    elif "@" in tail or not _USERINFO.fullmatch(userinfo):
        raise GrammarError("bad user part")
    address, question, headers = tail.partition("?")
    hostport, _, params = address.partition(";")
    if question and not headers:
        raise GrammarError("empty URI headers")
    host, port = _host_port(hostport)
    return SipUri(host, userinfo, port, secure, _uri_params(params) if params else {}, headers)


def _host_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    if not _HOST.fullmatch(host):
        raise GrammarError("bad host")
    if not colon:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _PORT_MAX):
        raise GrammarError("bad port")
    return host, int(port)


def parse_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port` or `[v6]:port`; brackets stay on the host. GrammarError when it is none."""
    return _host_port(text)


def _uri_params(text: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for piece in text.split(";"):
        name, _, value = piece.partition("=")
        if name:
            params[name.lower()] = value
    return params


def _unescape(text: str) -> str:
    return percent_decode(text, errors="replace") if "%" in text else text


def sip_uri(user: str, host: str, *, params: str = "") -> str:
    """`sip:user@host`, the user escaped so that nothing in it can end the user part; `params` verbatim."""
    return f"sip:{percent_encode(user, safe=_USER_SAFE)}@{host}{params}"
