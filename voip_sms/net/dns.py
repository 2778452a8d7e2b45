"""Asks the domain name system, for whoever checks where a mail comes from; meant for threads, it waits."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, Literal, Protocol

import dns.exception
import dns.name
import dns.resolver
from dns.rdata import Rdata

Kind = Literal["A", "AAAA", "MX", "PTR", "TXT"]
Value = str | bytes | tuple[int, str]
"""Of A, AAAA and PTR the text, of TXT the octets (its strings joined), of MX preference and name."""

_REMEMBERED: Final = 2_000
"""Answers kept for as long as they say, about 4 MB."""
_ANSWERS: Final = 50
"""Records of one answer that are looked at: RFC 7208 4.6.4 allows ten MX."""
_PORT: Final = 53


class DnsUnavailableError(Exception):
    """Nobody answered in time, or the name's servers are broken: it may be another time."""


class Resolver(Protocol):
    """Where questions go."""

    def lookup(self, name: str, kind: Kind, seconds: float) -> tuple[Value, ...]:
        """The records, () if there are none, no such name, or it is none; DnsUnavailableError. Blocks."""
        ...


class SystemResolver:
    """`Resolver` that asks the machine's name servers, or the one given as `host:port`. Thread-safe."""

    def __init__(self, server: str = "") -> None:
        """ValueError if `server` is no address with or without a port."""
        self._server = _server(server) if server else None
        self._cache = dns.resolver.LRUCache(_REMEMBERED)
        self._asked: dns.resolver.Resolver | None = None

    def lookup(self, name: str, kind: Kind, seconds: float) -> tuple[Value, ...]:
        """As of `Resolver`."""
        try:
            answer = self._resolver().resolve(
                name.rstrip(".") + ".", kind, lifetime=max(0.01, seconds), raise_on_no_answer=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return ()
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError) as error:
            raise DnsUnavailableError(name) from error
        except dns.resolver.NoResolverConfiguration as error:
            raise DnsUnavailableError("no name server is configured") from error
        except (dns.exception.DNSException, UnicodeError):
            return ()  # a name that can't be asked for
        found = list(answer.rrset or ())[:_ANSWERS]
        return tuple(_READERS[kind](record) for record in found)

    def _resolver(self) -> dns.resolver.Resolver:
        if self._asked is None:
            made = dns.resolver.Resolver(configure=self._server is None)
            if self._server is not None:
                made.nameservers = [self._server[0]]
                made.port = self._server[1]
            made.cache = self._cache
            made.retry_servfail = False
            self._asked = made
        return self._asked


def _server(text: str) -> tuple[str, int]:
    """Address and port of `192.0.2.1`, `192.0.2.1:53`, `[2001:db8::1]:53`; ValueError."""
    try:
        return str(ip_address(text)), _PORT
    except ValueError:
        host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 0xFFFF):  # noqa: PLR2004 - a port
        raise ValueError("must be the address of a name server such as 127.0.0.1:53; empty: the machine's")
    return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port)


def _name(name: object) -> str:
    return name.to_text(omit_final_dot=True) if isinstance(name, dns.name.Name) else ""


_READERS: Final[dict[Kind, Callable[[Rdata], Value]]] = {
    "A": lambda record: str(getattr(record, "address", "")),
    "AAAA": lambda record: str(getattr(record, "address", "")),
    "MX": lambda record: (int(getattr(record, "preference", 0)), _name(getattr(record, "exchange", None))),
    "PTR": lambda record: _name(getattr(record, "target", None)),
    "TXT": lambda record: b"".join(getattr(record, "strings", ())),
}


def check_server(text: str) -> str:
    """`text`, if it is "" or the address of a name server; ValueError that says what to write."""
    if text:
        _server(text)
    return text
