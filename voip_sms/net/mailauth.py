"""Whether a mail's author is proven by his domain: SPF or DKIM, aligned with From (DMARC, RFC 7489 3.1).

Stricter than DMARC where it costs nothing: a domain without a policy, or with p=none, must be aligned too.
What other servers say they checked (Authentication-Results) is never looked at.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from publicsuffixlist import PublicSuffixList

from voip_sms.net import dkim, spf
from voip_sms.net.dns import DnsUnavailableError, Resolver
from voip_sms.net.lookups import Lookups, TooManyLookupsError

SECONDS: Final = 20.0
"""For all questions about one mail (RFC 7208 4.6.4); the client waits five minutes (RFC 5321 4.5.3.2.6)."""
WORKERS: Final = 8
"""Mails checked at once: they wait for the DNS."""
WAITING: Final = 64
"""Mails that may wait for a worker; beyond it the client is asked to come again."""
_DOMAIN_MOST: Final = 253
"""RFC 1035 2.3.4, as text."""

_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62}")
"""No address literals: their last label is a number."""

How = Literal["", "spf", "dkim", "spf+dkim"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail, whose it says it is (`author`, the address of `read_mail`), and how it came.

    `envelope_from` is "" for <>.
    """

    octets: bytes
    author: str
    envelope_from: str
    client_ip: str
    helo: str


@dataclass(frozen=True, slots=True)
class Proof:
    """`aligned`: the domain vouches for the author, by `how`. `temporary`: it can't be known now.

    `addressed`: it vouches for the recipients too. A signature alone goes with the mail wherever that is
    sent again (RFC 6376 8.6): then only who stands in a signed To or Cc was meant.
    """

    aligned: bool
    domain: str = ""
    how: How = ""
    why: str = ""
    temporary: bool = False
    addressed: Literal["envelope", "fields", "nobody"] = "nobody"

    @property
    def words(self) -> str:
        """For the trace: `dkim example.pl`."""
        return f"{self.how} {self.domain}" if self.aligned else self.why


class SenderProof(Protocol):
    """Who vouches for the author of a mail."""

    async def check(self, arrival: Arrival) -> Proof:
        """Bounded in time and lookups; never raises."""
        ...


class DmarcProof:
    """`SenderProof` by SPF and DKIM. `seconds`: a monotonic clock; `now`: epoch seconds."""

    def __init__(self, resolver: Resolver, *, seconds: Callable[[], float], now: Callable[[], float]) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._now = now
        self._suffixes = PublicSuffixList()  # reads domains as the DNS has them
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="mailauth")
        self._under_way = 0

    async def check(self, arrival: Arrival) -> Proof:
        """As of `SenderProof`."""
        if self._under_way >= WORKERS + WAITING:
            return Proof(aligned=False, why="too many mails are being checked", temporary=True)
        lookups = Lookups(self._resolver, self._seconds, SECONDS)
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self.examine, arrival, lookups)
        finally:
            lookups.stop()  # a client that went away keeps no thread, nor does the end of the service wait
            self._under_way -= 1

    def close(self) -> None:
        """No more checks; those under way end within their time."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def examine(self, arrival: Arrival, lookups: Lookups) -> Proof:
        """`check`, in this thread."""
        domain = ascii_domain(arrival.author.rpartition("@")[2])
        organisation = self._organisation(domain)
        if not organisation:
            return Proof(aligned=False, why="the author has no domain of his own")
        try:
            policy = _policy(domain, organisation, lookups)
        except DnsUnavailableError:
            policy = _Policy(known=False, strict_dkim=True, strict_spf=True)  # the same domain is near enough
        except TooManyLookupsError:
            return Proof(aligned=False, why="too many lookups")
        return _Examination(
            arrival, domain, policy, organisation=self._organisation, lookups=lookups, now=self._now()
        ).run()

    def _organisation(self, domain: str) -> str:
        """The organisational domain (RFC 7489 3.2), "" for public suffixes and what is no domain."""
        return str(self._suffixes.privatesuffix(domain) or "") if domain else ""


class _Examination:
    def __init__(
        self,
        arrival: Arrival,
        domain: str,
        policy: "_Policy",
        *,
        organisation: Callable[[str], str],
        lookups: Lookups,
        now: float,
    ) -> None:
        self._arrival = arrival
        self._domain = domain
        self._policy = policy
        self._organisation = organisation
        self._lookups = lookups
        self._now = now

    def run(self) -> Proof:
        signed = dkim.check(self._arrival.octets, self._dkim_aligned, self._lookups, self._now)
        sent = self._spf()
        if sent == "pass":
            how: How = "spf+dkim" if signed.result == "pass" else "spf"
            return Proof(aligned=True, domain=self._domain, how=how, addressed="envelope")
        if signed.result == "pass":
            addressed: Literal["fields", "nobody"] = "fields" if signed.addressed else "nobody"
            return Proof(aligned=True, domain=signed.domain, how="dkim", addressed=addressed)
        if "temperror" in (sent, signed.result) or (not self._policy.known and self._may_be()):
            why = "the author's domain can't be asked now"
            return Proof(aligned=False, domain=self._domain, why=why, temporary=True)
        why = f"spf {sent or 'of another domain'}; dkim: {signed.why}"
        return Proof(aligned=False, domain=self._domain, why=why)

    def _may_be(self) -> bool:
        """The policy isn't known: whether a domain of the same organisation spoke for the mail."""
        spoke = dkim.check(self._arrival.octets, self._same_organisation, self._lookups, self._now)
        return spoke.result != "fail" or self._same_organisation(ascii_domain(self._client().domain))

    def _spf(self) -> spf.Result | Literal[""]:
        client = self._client()
        if not self._aligned(ascii_domain(client.domain), strict=self._policy.strict_spf):
            return ""
        return spf.check(client, self._lookups)

    def _client(self) -> spf.Client:
        """Domains as the DNS has them."""
        arrival = self._arrival
        local, at, domain = arrival.envelope_from.rpartition("@")
        sender = f"{local}@{ascii_domain(domain)}" if at else ""
        return spf.Client(arrival.client_ip, ascii_domain(arrival.helo), sender)

    def _dkim_aligned(self, domain: str) -> bool:
        return self._aligned(domain, strict=self._policy.strict_dkim)

    def _aligned(self, domain: str, *, strict: bool) -> bool:
        return domain == self._domain or (not strict and self._same_organisation(domain))

    def _same_organisation(self, domain: str) -> bool:
        theirs = self._organisation(domain)
        return bool(theirs) and theirs == self._organisation(self._domain)


@dataclass(frozen=True, slots=True)
class _Policy:
    """How near a domain must be (RFC 7489 6.3, adkim and aspf)."""

    known: bool = True
    strict_dkim: bool = False
    strict_spf: bool = False


def _policy(domain: str, organisation: str, lookups: Lookups) -> "_Policy":
    """The policy of `domain`, else that of its organisation, else what DMARC takes for granted."""
    for name in dict.fromkeys((domain, organisation)):
        found = [tags for tags in map(_tags, lookups.texts(f"_dmarc.{name}")) if tags]
        if len(found) == 1:  # RFC 7489 6.6.3: several are none
            tags = found[0]
            return _Policy(strict_dkim=tags.get("adkim") == "s", strict_spf=tags.get("aspf") == "s")
    return _Policy()


def _tags(record: bytes) -> dict[str, str]:
    """The tags of a policy record; {} if it is none."""
    parts = [part.partition("=") for part in record[:2_000].decode("ascii", "replace").split(";")]
    tags = {name.strip().lower(): value.strip() for name, equals, value in parts if equals}
    return {name: value.lower() for name, value in tags.items()} if tags.get("v") == "DMARC1" else {}


def ascii_domain(domain: str) -> str:
    """`domain` as the DNS has it (RFC 5890), in lower case; "" if that can't be."""
    bare = domain.strip().lower().rstrip(".")
    if not bare or len(bare) > _DOMAIN_MOST:
        return ""
    try:
        name = bare if bare.isascii() else bare.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name if _HOST.fullmatch(name) else ""
