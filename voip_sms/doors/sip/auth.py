"""Who sent a request: digest, or the word of a trusted peer; one decision for REGISTER and MESSAGE."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import structlog

from voip_sms.core.directory import SipAccount
from voip_sms.core.guessing import Guesses
from voip_sms.core.ports import Credentials
from voip_sms.doors.sip.bans import RETRY_AFTER, Bans, Standing
from voip_sms.doors.sip.replies import slow_down
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.wire.sip import digest
from voip_sms.wire.sip.digest import Algorithm, Challenge
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.headers import Headers, NameAddr, parse_name_addr
from voip_sms.wire.sip.nonces import NonceCounts, NonceMint, NonceState
from voip_sms.wire.sip.uri import SipUri

log = structlog.get_logger(__name__)

_SALT: Final = 7
_NOBODY: Final = "0" * 32
"""Stands in for the HA1 of a user who doesn't exist, so that the same work is done."""
_ONE_CHALLENGE: Final = re.compile(r"baresip v[01]\.")
"""COMPAT: baresip 1.0 (libre 1.1, Debian 12) gives a request up when any challenge names an algorithm that it
doesn't know, wherever it stands among them (RFC 8760 2.4 wants it passed over)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Either the account that sent it, or the reply; both None: stay silent.

    `vouched`: a trusted peer says so, and has its own way to the phone.
    """

    account: SipAccount | None = None
    reply: Reply | None = None
    vouched: bool = False


class Authenticator:
    """Checks digest credentials (RFC 7616, 8760) without keeping state per challenge.

    `now` gives epoch microseconds, `random(n)` n unguessable octets. A wrong password and an unknown user
    can't be told apart by reply or time.
    """

    def __init__(
        self,
        settings: SipSettings,
        credentials: Credentials,
        nonce_key: bytes,
        now: Callable[[], int],
        random: Callable[[int], bytes],
        *,
        guesses: Guesses | None = None,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._mint = NonceMint(nonce_key)
        self._counts = NonceCounts()
        self._algorithms = [Algorithm(name) for name in settings.digest]
        self._now = now
        self._random = random
        self.bans = Bans(now)
        self._guesses = guesses

    def knows(self, host: str) -> bool:
        """Whether a trusted peer, or a phone with a live binding, is at this address."""
        return self.bans.lives_at(host) or self._trusted(host)

    def check(self, incoming: Incoming) -> Verdict:
        """Decide. 401 is stateless; 503 asks a phone that floods with failures to slow down."""
        if self._trusted(incoming.source[0]):
            return self._vouched(incoming)
        credentials = self._given(incoming.read.request.headers.all("authorization"))
        claimed = credentials.username if credentials else _user(incoming.read.sender)
        standing = self.bans.standing(incoming.source[0], claimed)
        if standing is Standing.BANNED:
            return Verdict()
        if standing is Standing.SLOWED:
            return Verdict(reply=slow_down(RETRY_AFTER))
        if credentials is None:
            return Verdict(reply=self._challenge(incoming))
        return self._verify(incoming, credentials)

    def _given(self, values: Sequence[str]) -> digest.Credentials | None:
        """The first credentials for our realm that we can read; others are for somebody else on the way."""
        for value in values:
            try:
                credentials = digest.parse_credentials(value)
            except GrammarError:
                continue
            if credentials.realm == self._settings.domain and credentials.algorithm in self._algorithms:
                return credentials
        return None

    def _verify(self, incoming: Incoming, credentials: digest.Credentials) -> Verdict:
        """COMPAT: the digest-uri isn't compared with the Request-URI: sipp and older phones name the server.

        The nonce count ties credentials to one request all the same.
        """
        source, user = incoming.source[0], credentials.username
        account = self._credentials.sip_account(user)
        secret = account.ha1.get(credentials.algorithm, "") if account else ""
        proven = digest.proves(credentials, incoming.read.request.method, secret or _NOBODY)
        if not (proven and secret):
            if self._guesses is not None:
                self._guesses.wrong(source)  # who guesses here is slow at every door; a phone rings on
            if self.bans.failed(source, user):
                log.warning("sip_auth_flood", source=source, user=ascii(user))
            return Verdict(reply=self._challenge(incoming))
        state = self._mint.state(credentials.nonce, self._now() / 1_000_000)
        if state is not NonceState.FRESH or not self._first_use(incoming, credentials):
            return Verdict(reply=self._challenge(incoming, stale=True))
        self.bans.succeeded(source, user)
        return Verdict(account=account)

    def _first_use(self, incoming: Incoming, credentials: digest.Credentials) -> bool:
        """Whether this count of this nonce is new, or is the same request once more."""
        client = f"{credentials.nonce}:{credentials.cnonce}:{credentials.username}"
        if not credentials.qop:
            client = f"{client}:{credentials.response}"
        return self._counts.admit(client, credentials.count or 1, fingerprint(incoming))

    def _challenge(self, incoming: Incoming, *, stale: bool = False) -> Reply:
        """401 with one challenge per algorithm, in the configured order (RFC 8760 2.3)."""
        agent = incoming.read.request.headers.get("user-agent")
        old = Algorithm.MD5 in self._algorithms and _ONE_CHALLENGE.match(agent)
        nonce = self._mint.mint(self._now() / 1_000_000, self._random(_SALT))
        challenges = tuple(
            ("www-authenticate", str(Challenge(self._settings.domain, nonce, algorithm, stale=stale)))
            for algorithm in ([Algorithm.MD5] if old else self._algorithms)
        )
        return Reply(401, headers=challenges, keep=False)

    def _trusted(self, host: str) -> bool:
        networks = self._settings.trusted_peers
        if not networks:
            return False
        address = ip_address(host)
        return any(address in network for network in networks)

    def _vouched(self, incoming: Incoming) -> Verdict:
        """A trusted peer names the sender (RFC 3325); no other's word is read."""
        user = self._named(incoming.read.request.headers)
        account = self._credentials.sip_account(user) if user else None
        if account is None:
            return Verdict(reply=Reply(403, keep=False))
        return Verdict(account=account, vouched=True)

    def _named(self, headers: Headers) -> str:
        """The user that the peer names; '' for none, and for two: one may be the sender's own idea."""
        own = [value.strip() for value in headers.all(self._settings.peer_header.lower())]
        if own:
            return own[0] if len(own) == 1 else ""
        try:
            asserted = {_user(parse_name_addr(one)) for one in headers.list("p-asserted-identity")}
        except GrammarError:
            return ""
        asserted.discard("")  # a tel URI beside the sip one (RFC 3325 9.1)
        return asserted.pop() if len(asserted) == 1 else ""

    def owns(self, account: SipAccount, address: NameAddr) -> bool:
        """Whether `address` (From, or To of a REGISTER) is the account's own address of record.

        COMPAT: phones set up with our IP address in place of the domain write that into From.
        """
        uri = address.uri
        if not isinstance(uri, SipUri) or uri.user != account.account.name:
            return False
        host = uri.host.lower()
        return host in {self._settings.domain, "localhost"} or _is_ip(host)


def fingerprint(incoming: Incoming) -> bytes:
    """What makes a request that request, whatever its Via says."""
    read = incoming.read
    text = "\0".join(
        (read.call_id, read.sender.tag, str(read.cseq.number), read.request.method, read.request.uri)
    )
    return hashlib.blake2b(
        text.encode("utf-8", "surrogateescape") + b"\0" + read.request.body, digest_size=16
    ).digest()


def _user(address: NameAddr) -> str:
    return address.uri.user if isinstance(address.uri, SipUri) else ""


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
