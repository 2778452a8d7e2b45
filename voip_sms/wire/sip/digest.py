"""Digest authentication: challenges, credentials and their proof (RFC 7616, RFC 8760, RFC 3261 22)."""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from voip_sms.wire.sip.grammar import GrammarError, quote, unquote

_PAIR: Final = re.compile(r'([A-Za-z0-9_\-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]+)[ \t]*(?:,|$)[ \t]*')
_NC: Final = re.compile(r"[0-9A-Fa-f]{8}")
MAX_CREDENTIALS: Final = 4096
"""Longest Authorization value looked at, in characters."""


class Algorithm(StrEnum):
    """The hash algorithms offered, by their registered names."""

    MD5 = "MD5"
    SHA256 = "SHA-256"

    def hash(self, text: str) -> str:
        """The hash of `text` in lower-case hex."""
        octets = text.encode("utf-8", "surrogateescape")
        if self is Algorithm.MD5:
            return hashlib.md5(octets, usedforsecurity=False).hexdigest()
        return hashlib.sha256(octets).hexdigest()


def ha1(algorithm: Algorithm, user: str, realm: str, password: str) -> str:
    """H(user:realm:password): what is stored in place of the password."""
    return algorithm.hash(f"{user}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate value. `qop` is what was offered, "" for none."""

    realm: str
    nonce: str
    algorithm: Algorithm = Algorithm.MD5
    qop: str = "auth"
    stale: bool = False
    opaque: str = ""

    def __str__(self) -> str:
        """The value in wire form."""
        parts = [
            f"realm={quote(self.realm)}",
            f'nonce="{self.nonce}"',
            f"algorithm={self.algorithm}",
            f'qop="{self.qop}"',
        ]
        if self.stale:
            parts.append("stale=true")
        return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One Authorization value of the Digest scheme; `username` is readable, the rest as it was sent."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    cnonce: str = ""
    nc: str = ""
    qop: str = ""
    opaque: str = ""

    @property
    def count(self) -> int:
        """The nonce count as a number; 0 when the client sent none."""
        return int(self.nc, 16) if self.nc else 0

    def __str__(self) -> str:
        """The value in wire form."""
        parts = [
            f"username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f'nonce="{self.nonce}"',
            f'uri="{self.uri}"',
            f'response="{self.response}"',
            f"algorithm={self.algorithm}",
        ]
        if self.opaque:
            parts.append(f'opaque="{self.opaque}"')
        if self.qop:
            parts.append(f'qop={self.qop}, cnonce="{self.cnonce}", nc={self.nc}')
        return "Digest " + ", ".join(parts)


def parse_challenge(value: str) -> Challenge:
    """Parse a Digest challenge; GrammarError for another scheme, algorithm or form."""
    fields = _fields(value)
    algorithm = _algorithm(fields.get("algorithm", "MD5"))
    offered = [choice.strip() for choice in unquote(fields.get("qop", "")).split(",")]
    return Challenge(
        realm=unquote(fields.get("realm", "")),
        nonce=_inner(fields.get("nonce", "")),
        algorithm=algorithm,
        qop="auth" if "auth" in offered else "",
        stale=unquote(fields.get("stale", "")).lower() == "true",
        opaque=_inner(fields.get("opaque", "")),
    )


def parse_credentials(value: str) -> Credentials:
    """Parse Digest credentials; GrammarError for another scheme, an unknown algorithm or a missing field."""
    fields = _fields(value)
    try:
        username, realm = unquote(fields["username"]), unquote(fields["realm"])
        nonce, uri, response = (_inner(fields[name]) for name in ("nonce", "uri", "response"))
    except KeyError as missing:
        raise GrammarError(f"no {missing.args[0]} in credentials") from None
    qop, nc = unquote(fields.get("qop", "")), unquote(fields.get("nc", ""))
    if qop and (qop != "auth" or not _NC.fullmatch(nc) or "cnonce" not in fields):
        raise GrammarError("bad qop, nc or cnonce")
    return Credentials(
        username=username,
        realm=realm,
        nonce=nonce,
        uri=uri,
        response=response.lower(),
        algorithm=_algorithm(fields.get("algorithm", "MD5")),
        cnonce=_inner(fields.get("cnonce", "")),
        nc=nc if qop else "",
        qop=qop,
        opaque=_inner(fields.get("opaque", "")),
    )


def answer(
    challenge: Challenge, method: str, uri: str, user: str, password: str, *, cnonce: str, count: int = 1
) -> Credentials:
    """The credentials that answer `challenge`: what a client sends."""
    nc = f"{count:08x}" if challenge.qop else ""
    blank = Credentials(
        username=user,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        cnonce=cnonce if challenge.qop else "",
        nc=nc,
        qop=challenge.qop,
        opaque=challenge.opaque,
    )
    secret = ha1(challenge.algorithm, user, challenge.realm, password)
    return replace(blank, response=expected_response(blank, method, secret))


def expected_response(credentials: Credentials, method: str, secret: str) -> str:
    """The response that proves knowledge of `secret`, the HA1 in hex (RFC 7616 3.4.1)."""
    algorithm = credentials.algorithm
    ha2 = algorithm.hash(f"{method}:{credentials.uri}")
    if not credentials.qop:
        return algorithm.hash(f"{secret}:{credentials.nonce}:{ha2}")
    middle = f"{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:{credentials.qop}"
    return algorithm.hash(f"{secret}:{middle}:{ha2}")


def proves(credentials: Credentials, method: str, secret: str) -> bool:
    """Whether the credentials were made by someone who knows `secret` (HA1), in constant time."""
    wanted = expected_response(credentials, method, secret)
    return hmac.compare_digest(wanted.encode(), credentials.response.encode("utf-8", "surrogateescape"))


def _fields(value: str) -> dict[str, str]:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest" or len(value) > MAX_CREDENTIALS:
        raise GrammarError("not Digest")
    fields: dict[str, str] = {}
    rest = rest.strip()
    end = 0
    while end < len(rest):
        match = _PAIR.match(rest, end)
        if match is None or match[1].lower() in fields:
            raise GrammarError("bad Digest parameters")
        fields[match[1].lower()] = match[2]
        end = match.end()
    return fields


def _inner(text: str) -> str:
    """Between the quotes, escapes left alone: these values are hashed as sent and never shown."""
    return text[1:-1] if len(text) > 1 and text[0] == '"' else text


def _algorithm(text: str) -> Algorithm:
    name = unquote(text).upper()
    try:
        return Algorithm(name)
    except ValueError:
        raise GrammarError("unknown digest algorithm") from None
