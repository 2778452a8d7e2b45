"""`serve --lan`: SIP on this machine's address in the local network, and what to type into a phone there."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, TextIO

from voip_sms.app.doctor.accounts import guessable, plain, shown
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Directory, SipAccount
from voip_sms.net.listeners import is_loopback, split_listener

SHOWN: Final = 20
"""Accounts listed: somebody with more has written them into a file of their own."""
TRIED: Final = 200
"""Accounts whose passwords are guessed at, in about 20 ms of the service's loop."""
_ELSEWHERE: Final = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that only the default route leads to (RFC 5737, RFC 3849); nothing is sent there."""
_ANY_PORT: Final = 9
_ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_SIP_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}


class LanError(Exception):
    """There is no address to listen at; the text says what to do."""


def lan_address(asked: str) -> str:
    """The address that was asked for, or else that of the default route, if it is a private one. LanError."""
    if asked:
        try:
            return str(ip_address(asked.strip("[]")))
        except ValueError:
            raise LanError(
                f"--lan {asked}: not an IP address; `ip -br address` lists this machine's"
            ) from None
    for family, far in _ELSEWHERE:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            try:
                probe.connect((far, _ANY_PORT))
            except OSError:
                continue
            return _private(str(probe.getsockname()[0]))
    raise LanError("--lan: there is no default route; name this machine's address: --lan 192.168.1.10")


def _private(address: str) -> str:
    if ip_address(address).is_global:
        raise LanError(
            f"--lan: {address} is a public address, not one of a local network; the whole Internet would"
            f" reach SIP there. If you mean that, say so: --lan {address}"
        )
    return address


def opened(settings: Settings, address: str, *, http: bool) -> Settings:
    """The settings with SIP's loopback listeners, and HTTP's if asked for, on `address`; ports stay."""
    sip = {name: _moved(getattr(settings.sip, name), address) for name in _SIP_PORTS}
    changes: dict[str, object] = {"sip": settings.sip.model_copy(update=sip)}
    if http:
        listen = _moved(settings.http.listen, address)
        changes["http"] = settings.http.model_copy(update={"listen": listen})
    return settings.model_copy(update=changes)


def _moved(listener: object, address: str) -> object:
    """One listener, or several; one that isn't loopback's is where its owner wants it."""
    if isinstance(listener, tuple):
        return tuple(dict.fromkeys(_moved(one, address) for one in listener))
    if not isinstance(listener, str) or not listener:
        return listener
    host, port = split_listener(listener)
    if not is_loopback(host):
        return listener
    return f"{_bracketed(address)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# --- what to type in ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Teller:
    """Writes to `out` what a phone needs, at the start and whenever the SIP accounts have changed.

    `out` is stderr: stdout has the ready line and nothing else.
    """

    address: str
    domain: str
    out: TextIO
    _told: list[str] = field(default_factory=list)

    def __call__(self, addresses: Mapping[str, str | None], directory: Directory) -> None:
        """`addresses`: listeners as in the ready line."""
        lines = list(self._lines(addresses, directory))
        if lines != self._told:
            self._told = lines
            print(*lines, sep="\n", file=self.out, flush=True)

    def _lines(self, addresses: Mapping[str, str | None], directory: Directory) -> Iterator[str]:
        listening = list(_listening(addresses, self.address))
        yield ""
        if not listening:
            yield "--lan: no SIP listener is switched on; set sip.udp, sip.tcp or sip.tls"
            return
        accounts = [one for _, one in sorted(directory.sip.items()) if one.account.enabled]
        yield "--lan: what to type into a phone in this network"
        yield from self._server(listening)
        yield from _users(accounts)
        yield from self._trying(accounts, directory, listening)
        yield from _warnings(accounts, self.domain)
        yield ""

    def _server(self, listening: Sequence["_Listening"]) -> Iterator[str]:
        server = _bracketed(listening[0].host)
        yield f"  server, domain    {server}   (also called registrar, SIP server, SIP proxy)"
        ports = ", or ".join(f"{one.port} {one.transport.upper()}" for one in listening)
        yield f"  port, transport   {ports}"
        if any(one.port != _SIP_PORTS[one.transport] for one in listening):
            yield f"  outbound proxy    {server} with that port: it isn't the usual one, and Reply needs it"
        yield f"  realm, if asked   {self.domain}"

    def _trying(
        self, accounts: Sequence[SipAccount], directory: Directory, listening: Sequence["_Listening"]
    ) -> Iterator[str]:
        first = listening[0]
        where = f"{_bracketed(first.host)}:{first.port}"
        yield "To test"
        yield "  on the phone: Messages, New, a number as you would dial it, some text: it says 202 Accepted"
        if accounts and first.transport in ("udp", "tcp"):
            user = plain(accounts[0].account.name)
            yield (
                f"  from another computer: voip-sms phone --user {user} --domain {self.domain}"
                f" --registrar {where} --transport {first.transport}"
            )
        for number, users in _ringing(directory):
            yield f"  to the phone: send an SMS to {number}; it comes out at {users}"
        doors = ", ".join(f"{one.port}/{'udp' if one.transport == 'udp' else 'tcp'}" for one in listening)
        yield f"  nothing arrives? A firewall here must let {doors} in; `voip-sms doctor` looks further"
        yield "Phone by phone: docs/operate/phones.md"


@dataclass(frozen=True, slots=True)
class _Listening:
    transport: str
    host: str
    port: int


def _listening(addresses: Mapping[str, str | None], lan: str) -> Iterator[_Listening]:
    for transport in _SIP_PORTS:
        bound = addresses.get(f"sip_{transport}")
        if bound:
            host, port = split_listener(bound)
            yield _Listening(transport, lan if host in _ANYWHERE else host, port)


def _users(accounts: Sequence[SipAccount]) -> Iterator[str]:
    if not accounts:
        yield "  user              none yet: voip-sms apply docs/examples/acme.yaml adds two to try"
        return
    for number, one in enumerate(accounts[:SHOWN]):
        label = "user, auth name" if number == 0 else ""
        yield f"  {label:<17} {plain(one.account.name):<10} {_identity(one)}"
    if len(accounts) > SHOWN:
        yield f"  {'':<17} and {len(accounts) - SHOWN} more"
    yield "  password          the one in the file given to `voip-sms apply`; here is only a digest of it"


def _identity(one: SipAccount) -> str:
    identity = one.account.identity
    texts = {
        "number": f"shows {identity.value}",
        "name": f"shows {identity.value}",
        "2way": "shows a number whose answers come back",
    }
    return texts.get(identity.kind, "shows the service's own sender")


def _ringing(directory: Directory) -> Iterator[tuple[str, str]]:
    """The first few numbers that come out at phones."""
    found = 0
    for number, rules in sorted(directory.forwards.items()):
        users = [user for rule in rules if rule.kind == "sip" and rule.enabled for user in rule.targets]
        if users and found < 3:  # noqa: PLR2004 - an example or two
            found += 1
            yield number, ", ".join(map(plain, users))


def _warnings(accounts: Sequence[SipAccount], domain: str) -> Iterator[str]:
    weak = [one.account.name for one in accounts[:TRIED] if guessable(one, domain)]
    if weak:
        yield f"!! ANYBODY GUESSES the password of {shown(weak)}, and whoever does sends SMS on your account."
        yield "!! Change it in your file (openssl rand -base64 12) and run voip-sms apply again."
