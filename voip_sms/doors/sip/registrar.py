"""REGISTER: bindings of phones, kept durably, with the address they really came from (RFC 3261 10.3)."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, cast

import structlog

from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Binding
from voip_sms.core.ports import Registrations
from voip_sms.doors.sip.phones import Phones
from voip_sms.doors.sip.replies import refused
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.net.sip.transports import joined
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.headers import Headers, NameAddr, parse_name_addr, parse_seconds
from voip_sms.wire.sip.uri import SipUri

log = structlog.get_logger(__name__)

MAX_CONTACTS: Final = 10
"""Contacts in one REGISTER: a user has a few devices, and each inbound SMS goes to every one of them."""


MAX_AGENT: Final = 200
"""Characters of a User-Agent that are kept: enough to compare, the longest real ones have 150."""


class ContactError(ValueError):
    """Contacts that can't be registered."""


class IntervalError(ContactError):
    """A phone asks for a registration shorter than we keep (423)."""


class Registrar:
    """Serves REGISTER. Replies 200 only after the bindings are stored."""

    def __init__(
        self,
        settings: SipSettings,
        registrations: Registrations,
        phones: Phones,
        now: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._registrations = registrations
        self._phones = phones
        self._now = now

    async def serve(self, incoming: Incoming, account: Account) -> Reply:
        """One REGISTER of an authenticated account that owns To."""
        try:
            bindings = await self._apply(incoming, account)
        except IntervalError:
            return Reply(423, headers=(("min-expires", str(self._settings.min_expires)),))
        except ContactError as error:
            return Reply(400, str(error))
        except Refusal as refusal:
            return refused(refusal.code, account.language)
        log.info("sip_registered", user=account.name, bindings=len(bindings), transport=incoming.transport)
        return Reply(200, headers=tuple(("contact", self._shown(binding)) for binding in bindings))

    async def announce(self, incoming: Incoming, account: Account) -> Reply:
        """A copy of a REGISTER that the proxy in front has served: the phone is there, reached through it."""
        headers = incoming.read.request.headers
        try:
            contacts = headers.list("contact")
            wanted = [] if "*" in contacts else self._wanted(incoming, account, contacts, headers)
            if any(one.expires_at > self._now() for one in wanted):
                await self._registrations.announced(account)
        except (ContactError, GrammarError):
            return Reply(400, "Bad Contact")
        except Refusal as refusal:
            return refused(refusal.code, account.language)
        return Reply(200)

    async def _apply(self, incoming: Incoming, account: Account) -> Sequence[Binding]:
        headers = incoming.read.request.headers
        try:
            contacts = headers.list("contact")
        except GrammarError:
            raise ContactError("Bad Contact") from None
        if not contacts:
            return await self._registrations.bindings(account)
        if "*" in contacts:
            if len(contacts) > 1 or headers.get("expires").strip() != "0":
                raise ContactError("Contact * needs Expires 0 and no other contact")
            await self._registrations.unregister_all(account)
            self._phones.gone(account.name)
            return ()
        wanted = self._wanted(incoming, account, contacts, headers)
        bindings = await self._registrations.register(account, wanted)
        self._phones.seen(incoming, wanted)
        return bindings

    def _wanted(
        self, incoming: Incoming, account: Account, contacts: Sequence[str], headers: Headers
    ) -> list[Binding]:
        if len(contacts) > MAX_CONTACTS:
            raise ContactError("Too Many Contacts")
        default = parse_seconds(headers.get("expires"))
        if default is None:
            default = self._settings.max_expires
        return [self._binding(incoming, account, contact, default) for contact in contacts]

    def _binding(self, incoming: Incoming, account: Account, contact: str, default: int) -> Binding:
        try:
            address = parse_name_addr(contact)
        except GrammarError:
            raise ContactError("Bad Contact") from None
        if not isinstance(address.uri, SipUri):
            raise ContactError("Contact must be a SIP URI")
        asked = parse_seconds(address.params.get("expires", ""))
        seconds = min(default if asked is None else asked, self._settings.max_expires)
        if 0 < seconds < self._settings.min_expires:
            raise IntervalError
        return Binding(
            user=account.name,
            contact=str(address.uri),
            source=joined(incoming.source),
            transport=cast(Literal["udp", "tcp", "tls"], incoming.transport),
            flow=incoming.flow,
            call_id=incoming.read.call_id,
            cseq=incoming.read.cseq.number,
            expires_at=self._now() + seconds * SECOND,
            q=_preference(address.params.get("q", "")),
            agent=agent_of(incoming.read.request.headers),
            host=_alias(incoming.read.recipient, self._settings.domain),
        )

    def _shown(self, binding: Binding) -> str:
        left = max(0, -((self._now() - binding.expires_at) // SECOND))
        return f"<{binding.contact}>;expires={left}"


def _alias(address: NameAddr, domain: str) -> str:
    """The host by which a phone knows us, '' for our domain: it can answer only to what it can find."""
    uri = address.uri
    if not isinstance(uri, SipUri) or uri.host.lower() == domain:
        return ""
    return uri.host.lower() if uri.port is None else f"{uri.host.lower()}:{uri.port}"


def agent_of(headers: Headers) -> str:
    """What the phone calls itself, as it can be stored."""
    return "".join(character for character in headers.get("user-agent") if character.isprintable())[
        :MAX_AGENT
    ]


def _preference(text: str) -> float:
    """A q value (RFC 3261 25.1); what is none counts as 1."""
    try:
        value = float(text or 1)
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0
