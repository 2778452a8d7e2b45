"""DKIM signatures (RFC 6376): whether those of a mail hold, and ours under what leaves, by dkimpy."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from voip_sms.net.dns import DnsUnavailableError
from voip_sms.net.lookups import Lookups, TooManyLookupsError
from voip_sms.wire.mail.heads import split_head
from voip_sms.wire.mail.model import MailBroken

Result = Literal["pass", "fail", "temperror"]

KEY_LEAST: Final = 1024
"""Bits of a key that proves anything (RFC 8301 3.2)."""
_KEY_RECORD: Final = 1_500
"""Octets of a key record: one of 4096 bits has 750, and a longer one costs time for each mail."""
_SIGNATURE: Final = 4_096
"""Octets of a signature field: with a key of 4096 bits and all fields named it has 1,500."""
_SIGNATURES: Final = 3
"""Signatures of one mail for its author's domain that are tried: two algorithms and a changing key."""
_AIR: Final = re.compile(rb"\s{20}")
"""Nobody folds so; the library's patterns would take long over it."""
_SINGLE: Final = frozenset(
    {b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"content-type", b"mime-version"}
)
"""Fields that stand once (RFC 5322 3.6, RFC 2045): a second one, unsigned, would be read instead."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`addressed`: the signature covers To and Cc, so that whoever they name was meant by the signer."""

    result: Result
    domain: str = ""
    addressed: bool = False
    why: str = ""


def check(octets: bytes, aligned: Callable[[str], bool], lookups: Lookups, now: float) -> Verdict:
    """Look for a signature that holds and whose domain is `aligned`. `now`: epoch seconds. Never raises.

    What a signature must be beyond RFC 6376: over the whole body (no l=), over From and whichever Subject
    there is, with rsa-sha256 and a key of at least 1024 bits that isn't being tested, not expired; and the
    mail must be one that nobody can read in two ways.
    """
    try:
        mail = _Mail(octets)
        candidates = [one for one in mail.signatures() if aligned(one.domain)]
        verdicts = [one.verify(lookups, now) for one in candidates[:_SIGNATURES]]
    except DnsUnavailableError:
        return Verdict("temperror", why="the key can't be looked up now")
    except Exception as error:  # noqa: BLE001 - a mail that breaks the library is a mail without proof
        return Verdict("fail", why=str(error)[:100] if isinstance(error, _DoubtError) else "unreadable")
    if not verdicts:
        return Verdict("fail", why="no signature of the author's domain")
    order = {"pass": 0, "temperror": 1, "fail": 2}
    return min(verdicts, key=lambda one: (order[one.result], not one.addressed))


class _DoubtError(Exception):
    """Why a mail or a signature proves nothing."""


class _Mail:
    """A mail as dkimpy and as our own reader see it, which must be the same."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.read = dkim.DKIM(octets)
        self.names = [name.lower() for name, _ in self.read.headers]
        self._compare()
        for name in _SINGLE:
            if self.names.count(name) > 1:
                raise _DoubtError(f"{name.decode()} stands twice")

    def _compare(self) -> None:
        """Unsigned lines could be put in front that only one of the readers takes for a head or a body."""
        start = self.octets.find(b"\n") + 1 if self.octets.startswith((b"From ", b">From ")) else 0
        try:
            fields, at = split_head(self.octets, start)
        except MailBroken as error:
            raise _DoubtError("the head is too large") from error
        ours = [name.encode() for name, _ in fields.pairs]
        body = re.sub(rb"\r?\n", b"\r\n", self.octets[at:])
        if ours != self.names or body != self.read.body:
            raise _DoubtError("the head can be read in two ways")

    def signatures(self) -> list["_Signature"]:
        fields = [value for name, value in self.read.headers if name.lower() == b"dkim-signature"]
        found = [_Signature.read(self, place, value) for place, value in enumerate(fields)]
        return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class _Signature:
    mail: _Mail
    place: int
    domain: str
    tags: dict[bytes, bytes]

    @classmethod
    def read(cls, mail: _Mail, place: int, value: bytes) -> "_Signature | None":
        if len(value) > _SIGNATURE or _AIR.search(value):
            return None
        try:
            tags: dict[bytes, bytes] = parse_tag_value(value)
            return cls(mail, place, tags[b"d"].decode("ascii").lower().rstrip("."), tags)
        except (InvalidTagValueList, KeyError, UnicodeDecodeError):
            return None

    def verify(self, lookups: Lookups, now: float) -> Verdict:
        try:
            self._strict(now)
            holds = self._holds(lookups)
        except DnsUnavailableError:
            return Verdict("temperror", self.domain, why="the key can't be looked up now")
        except TooManyLookupsError:
            return Verdict("fail", self.domain, why="too many lookups")
        except _DoubtError as doubt:
            return Verdict("fail", self.domain, why=str(doubt))
        except Exception as error:  # noqa: BLE001 - as above: what strangers wrote, and a library
            return Verdict("fail", self.domain, why=type(error).__name__)
        if not holds:
            return Verdict("fail", self.domain, why="the signature doesn't hold")
        return Verdict("pass", self.domain, addressed=self._covers(b"to", b"cc"))

    def _strict(self, now: float) -> None:
        if self.tags.get(b"a") != b"rsa-sha256":  # RFC 8301 3.1: rsa-sha1 proves nothing
            raise _DoubtError("not rsa-sha256")
        if b"l" in self.tags:
            raise _DoubtError("only a part of the body is signed (l=)")
        if b"from" not in self._signed() or not self._covers(b"subject"):
            raise _DoubtError("From or Subject isn't signed")
        expires = self.tags.get(b"x", b"")
        if expires and not (expires.isdigit() and int(expires[:12]) > now):
            raise _DoubtError("the signature is expired (x=)")

    def _signed(self) -> set[bytes]:
        return {name.strip().lower() for name in self.tags.get(b"h", b"").split(b":")}

    def _covers(self, *names: bytes) -> bool:
        """Whether those of `names` that the mail has are signed."""
        return all(name in self._signed() for name in names if name in self.mail.names)

    def _holds(self, lookups: Lookups) -> bool:
        signer = dkim.DKIM(self.mail.octets, minkey=KEY_LEAST)
        if self.tags.get(b"c", b"").endswith(b"/relaxed"):
            signer.body = _relaxed(signer.body)
        return bool(signer.verify(self.place, dnsfunc=_Key(lookups)))


def _relaxed(body: bytes) -> bytes:
    """The first half of RFC 6376 3.4.4, which changes nothing when it is done again.

    COMPAT dkimpy 1.1: it strips the ends of lines before runs of blanks are one, in quadratic time.
    """
    return re.sub(rb"[\t ]+", b" ", body).replace(b" \r\n", b"\r\n")


class _Key:
    """dkimpy's `dnsfunc`: the key record of a name, if there is one that may prove something."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def __call__(self, name: bytes, timeout: int = 0) -> bytes:  # noqa: ARG002 - dkimpy's own signature
        found = self._lookups.texts(name.decode("ascii"))
        if len(found) != 1:
            raise _DoubtError("no key" if not found else "several keys of one name")
        record = found[0]
        if len(record) > _KEY_RECORD:
            raise _DoubtError("the key record is too long")
        tags: dict[bytes, bytes] = parse_tag_value(record)
        if not tags.get(b"p"):
            raise _DoubtError("the key is revoked")
        flags = {flag.strip() for flag in tags.get(b"t", b"").split(b":")}
        services = {one.strip() for one in tags.get(b"s", b"*").split(b":")}
        if b"y" in flags:
            raise _DoubtError("the key is being tested (t=y)")  # RFC 6376 3.6.1: as if unsigned
        if not services & {b"*", b"email"} or tags.get(b"k", b"rsa") != b"rsa":
            raise _DoubtError("the key isn't for mail")
        return record


# --- signing ------------------------------------------------------------------------------------------------

_OURS: Final = (
    *(b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"reply-to"),
    *(b"auto-submitted", b"mime-version", b"content-type", b"content-transfer-encoding"),
)
_FROZEN: Final = (b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"content-type")
"""Named once more than they stand, so that none can be added (RFC 6376 8.15)."""
SIGNING_LEAST: Final = 2048
"""Bits of a key of ours (RFC 8301 3.2: SHOULD)."""
_SELECTOR: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


class DkimSigner:
    """Puts a signature for `domain` on top of mails of ours. A few milliseconds for each."""

    def __init__(self, domain: str, selector: str, key: bytes) -> None:
        """`key`: PEM of an RSA key (PKCS#1 or PKCS#8, unencrypted); ValueError says what is wrong."""
        if not _SELECTOR.fullmatch(selector):
            raise ValueError("dkim_selector must be a name in the DNS such as sms1")
        try:
            bits = int(dkim.parse_pem_private_key(key.replace(b"\r\n", b"\n"))["modulus"]).bit_length()
        except (dkim.UnparsableKeyError, ValueError, IndexError, TypeError):
            raise ValueError("dkim_key must be a PEM file with an unencrypted RSA key") from None
        if bits < SIGNING_LEAST:
            raise ValueError(f"dkim_key has {bits} bits; receivers want {SIGNING_LEAST}")
        self._domain = domain.encode("idna")
        self._selector = selector.encode("ascii")
        self._key = key.replace(b"\r\n", b"\n")

    @classmethod
    def from_file(cls, domain: str, selector: str, path: Path) -> "DkimSigner":
        """ValueError as above, and for a file that can't be read."""
        try:
            return cls(domain, selector, path.read_bytes())
        except OSError as error:
            raise ValueError(f"dkim_key can't be read: {error.strerror}") from None

    def sign(self, octets: bytes) -> bytes:
        """`octets` (a whole mail of ours, lines ending in CRLF) with its signature in front."""
        mail = dkim.DKIM(octets)
        there = [name.lower() for name, _ in mail.headers]
        named = [name for name in there if name in _OURS] + list(_FROZEN)
        field: bytes = mail.sign(
            self._selector,
            self._domain,
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=named,
        )
        return field + octets
