"""Credentials that anybody knows: SIP passwords that are guessed (one hash a guess), keys of our examples."""

import hmac
import time
from collections.abc import Callable, Iterator
from typing import Final

from voip_sms.app.doctor.findings import Finding
from voip_sms.core.directory import Directory, SipAccount
from voip_sms.engine.accounts.sealing import token_hash
from voip_sms.wire.sip.digest import Algorithm, ha1

SECONDS: Final = 4.0
"""What all guesses together may take; an account costs 20 to 30 us."""
SHOWN: Final = 10
_COMMON: Final = (
    *("", "0000", "1111", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890"),
    *("111111", "000000", "123123", "654321", "password", "passw0rd", "Password1", "haslo", "hasło"),
    *("secret", "admin", "root", "test", "demo", "changeme", "qwerty", "abc123", "letmein", "voip", "sip"),
    *("phone", "user", "guest", "default", "welcome", "asterisk", "sms", "sms123", "zaq12wsx", "polska"),
)
"""What scanners for SIP try first."""
_PUBLISHED: Final = (
    "test-key-acme-0123456789abcdef",
    "test-key-office-0123456789abcdef",
    "demo-key-acme-0123456789abcdef",
)
"""Tokens in docs/ and in the demo."""
_AROUND: Final = ("{0}", "pw{0}", "{0}{0}", "{0}123", "{0}1234", "pass{0}", "sip{0}", "password{0}", "a{0}")
"""Passwords made of the user's name."""


def look(directory: Directory, domain: str) -> Iterator[Finding]:
    """One finding for all accounts."""
    accounts = [one for one in directory.sip.values() if one.account.enabled]
    if not accounts:
        yield Finding("skip", "sip.passwords", "no SIP accounts", "voip-sms apply adds them")
        return
    weak, looked = weak_users(accounts, domain, time.monotonic)
    text = f"{looked} of {len(accounts)} looked at"
    if not weak:
        yield Finding("ok", "sip.passwords", f"{text}: none is easily guessed")
        return
    advice = "give them long random ones (openssl rand -base64 12): scanners try these within minutes"
    yield Finding("warn", "sip.passwords", f"{text}: {shown(weak)} easily guessed", advice)


def published_keys(directory: Directory) -> Iterator[Finding]:
    """Whether an API key stands in our own documents, and so in everybody's hands."""
    held = {token_hash(token) for token in _PUBLISHED}
    known = [account for key, account in directory.keys.items() if key in held and account.enabled]
    if known:
        names = shown([account.name for account in known])
        advice = "give it a token of its own: openssl rand -hex 24"
        yield Finding("warn", "api.keys", f"{names}: the token of our examples", advice)
    elif directory.keys:
        yield Finding("ok", "api.keys", "none of our examples'")


def weak_users(
    accounts: list[SipAccount], domain: str, seconds: Callable[[], float]
) -> tuple[list[str], int]:
    """Users whose password is a usual guess, and how many accounts were looked at within SECONDS."""
    until = seconds() + SECONDS
    weak: list[str] = []
    looked = 0
    for account in accounts:
        if seconds() > until:
            break
        looked += 1
        if guessable(account, domain):
            weak.append(account.account.name)
    return sorted(weak), looked


def guessable(account: SipAccount, domain: str) -> bool:
    """Whether one of the usual guesses is the password (HA1: RFC 7616 3.4.2, realm = `sip.domain`)."""
    user = account.account.name
    for algorithm in Algorithm:
        stored = account.ha1.get(algorithm)
        if stored:
            return any(
                hmac.compare_digest(ha1(algorithm, user, domain, guess), stored) for guess in _guesses(user)
            )
    return False


def _guesses(user: str) -> Iterator[str]:
    yield from _COMMON
    yield user[::-1]
    for pattern in _AROUND:
        yield pattern.format(user)


def plain(text: str) -> str:
    """What somebody typed, with nothing that a terminal would obey."""
    return ascii(text)[1:-1]


def shown(users: list[str]) -> str:
    """Names for a line: the first few, and how many more."""
    more = len(users) - SHOWN
    return ", ".join(map(plain, users[:SHOWN])) + (f" and {more} more" if more > 0 else "")
