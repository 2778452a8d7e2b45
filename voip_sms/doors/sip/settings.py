"""The `[sip]` section of the configuration file."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import PurePath
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from voip_sms.net.sip.endpoint import Listen
from voip_sms.net.sip.traffic import Target
from voip_sms.net.tls import TlsContexts, TlsFiles
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.uri import parse_host_port

PORT_MAX = 65535
SUBSCRIBERS: Final = "subscriber"
"""The table in which Kamailio looks for who may register, and the file of that table."""
_HEADER: Final = re.compile(r"[A-Za-z0-9!%*_+`'~.-]+")
"""A token (RFC 3261 25.1)."""


def _listeners(value: object) -> object:
    """A text, or a list of texts, each `host:port` or `[v6]:port`; port 0 picks one, "" is none."""
    texts: list[object] = list(value) if isinstance(value, list | tuple) else [value]
    for text in texts:
        if not isinstance(text, str):
            raise ValueError("must be host:port in quotes, or a list of such")  # noqa: TRY004 - pydantic's way
        if text:
            _split(text)
    return tuple(texts) if isinstance(value, list | tuple) else value


def _split(text: str) -> tuple[str, int]:
    """Host, v6 without brackets, and port."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    usable = colon and bare and port.isascii() and port.isdigit() and int(port) <= PORT_MAX
    if not usable or (":" in bare) != bracketed:
        raise ValueError(
            "must be host:port, for example 127.0.0.1:5060 or [::1]:5060, or empty to switch it off"
        )
    return bare, int(port)


def _domain(text: str) -> str:
    try:
        host, port = parse_host_port(text)
    except GrammarError:
        host, port = "", None
    if not host or port is not None:
        raise ValueError("must be a host name such as sms.example.com, without a port")
    return host.lower()


def _network(value: object) -> object:
    """A single address is a network of one; host bits are no error (`192.0.2.7/24`)."""
    return ip_network(value, strict=False) if isinstance(value, str) else value


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("must be a header's name such as X-Auth-User")
    return text


def _next_hop(text: str) -> str:
    if text:
        _target(text)
    return text


def _target(text: str) -> Target:
    """Where `host:port` or `host:port;transport=tcp` leads."""
    address, _, parameter = text.partition(";")
    transport = parameter.removeprefix("transport=") if parameter else "udp"
    host, port = _split(address)
    if not port or transport not in ("udp", "tcp", "tls"):
        raise ValueError("must be host:port or host:port;transport=tcp (udp, tcp or tls)")
    return Target(transport, host, port)


def _subscribers(text: str) -> str:
    if text and PurePath(text).name != SUBSCRIBERS:
        raise ValueError(f"must be called {SUBSCRIBERS}, as Kamailio's table is: /folder/{SUBSCRIBERS}")
    return text


Listeners = Annotated[str | tuple[str, ...], BeforeValidator(_listeners)]
"""One listener, or a list of them."""
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class SipSettings(BaseModel):
    """SIP listeners, the domain we are registrar for, and who may vouch for others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: Annotated[str, AfterValidator(_domain)] = Field(
        "sms.test",
        description="Host of every address of record, digest realm; changing it voids stored credentials.",
    )
    udp: Listeners = Field(
        "127.0.0.1:5060",
        description='Where SIP over UDP listens; port 0 picks one. Several: ["10.0.0.1:5060", "[::1]:5060"].',
    )
    tcp: Listeners = Field(
        "127.0.0.1:5060", description="Where SIP over TCP listens; port 0 picks one, a list opens several."
    )
    tls: Listeners = Field("", description="Where SIP over TLS listens, with tls_cert and tls_key (5061).")
    tls_cert: str = Field(
        "", description="PEM file of the certificate chain for tls; a renewed one is taken without a restart."
    )
    tls_key: str = Field(
        "", description="PEM file of the private key for tls, without a passphrase; only for us to read."
    )
    tls_ca: str = Field(
        "",
        description="PEM file of the authorities that we trust when we connect by TLS; empty: the system's.",
    )
    digest: tuple[Literal["MD5", "SHA-256"], ...] = Field(
        ("MD5", "SHA-256"), min_length=1, description="Algorithms offered, in the order of the challenges."
    )
    max_expires: int = Field(
        300,
        ge=1,
        le=86_400,
        description="Longest registration, in seconds: as long may a phone on TCP miss a restart of ours.",
    )
    min_expires: int = Field(
        10,
        ge=1,
        le=3600,
        description="Shortest registration, in seconds; a phone that asks for less gets 423.",
    )
    keep_alive: int = Field(
        25, ge=0, le=600, description="Seconds between keep-alives to phones, for their NATs; 0: none."
    )
    keep_alive_method: Literal["crlf", "options"] = Field(
        "crlf",
        description=(
            "What phones on UDP get: crlf, an empty line pair, or options, a request that they answer: for"
            " NATs that count only answered traffic, and to notice phones that are gone."
        ),
    )
    rate: float = Field(
        0,
        ge=0,
        le=10_000,
        description=(
            "Messages a second of one SIP account, four seconds' worth at once; beyond it 503 with"
            " Retry-After. 0: no limit. 20 suits phones that anybody may reach from outside."
        ),
    )
    trusted_peers: tuple[Network, ...] = Field(
        (), description="Addresses or networks that authenticate for us: their identity headers are believed."
    )
    peer_header: Annotated[str, AfterValidator(_header)] = Field(
        "X-Auth-User",
        description="Header in which trusted_peers name the SIP account; without it, P-Asserted-Identity.",
    )
    outbound: Annotated[str, AfterValidator(_next_hop)] = Field(
        "",
        description=(
            "Proxy in front, for accounts with `via: proxy`: host:port, or 10.0.0.2:5080;transport=tcp, which"
            " long texts need. Empty: none."
        ),
    )
    subscribers: Annotated[str, AfterValidator(_subscribers)] = Field(
        "",
        description=(
            "File, kept up to date, from which a Kamailio in front knows the accounts with `via: proxy` and"
            " their passwords' hashes; it must be called subscriber. Empty: none."
        ),
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if self.tls and not (self.tls_cert and self.tls_key):
            raise ValueError("tls needs tls_cert and tls_key; set them, or leave tls empty")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key need each other; set both or none")
        return self

    def tls_contexts(self) -> TlsContexts:
        """What TLS connections use, from the files. TlsFileError when they can't be used."""
        return TlsContexts(TlsFiles(self.tls_cert, self.tls_key, self.tls_ca))

    def proxy(self) -> Target | None:
        """Where texts go for phones behind the proxy in front."""
        return _target(self.outbound) if self.outbound else None

    def listeners(self) -> list[Listen]:
        """The listeners to open, in the order udp, tcp, tls, and within each as written."""
        chosen: list[Listen] = []
        for transport, value in (("udp", self.udp), ("tcp", self.tcp), ("tls", self.tls)):
            texts = (value,) if isinstance(value, str) else value
            chosen += [Listen(transport, *_split(text)) for text in texts if text]
        return chosen
