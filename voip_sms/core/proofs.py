"""Codes that prove that a phone's owner agrees to forwarded texts (N8): how long, how many, in what words."""

from collections.abc import Mapping
from typing import Any, Final

from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.failures import Refusal

DOOR: Final = "code"
"""The door of such an SMS. Its text is for the phone alone: nobody is shown it, least of all who asked."""
DIGITS: Final = 6
LIFE: Final = 10 * MINUTE
TRIES: Final = 3
"""Wrong codes, then another one must be sent: of a million codes fifteen may be tried in a day."""
PROOF_LIFE: Final = HOUR
"""How long a number that said its code may be entered somewhere; where it was entered, it stays."""
NUMBER_A_DAY: Final = 5
TENANT_A_DAY: Final = 30
"""Codes that one phone, and all phones together, are sent: nobody is pestered through us."""
APART: Final = MINUTE
"""Between two codes to one phone: a network may take some seconds."""

_TEXT: Final[Mapping[str, str]] = {
    "en": "Code {code}. {company} would like to forward SMS to this phone. Tell it to them only if you agree."
    " Valid for 10 minutes.",
    "pl": "Kod {code}. {company} chce przekazywac SMS-y na ten telefon. Podaj go tylko tej firmie i tylko za"
    " swoja zgoda. Wazny 10 minut.",
}
_COMPANY_MOST: Final = 30
"""Characters of the name, so that the text stays in one part."""


def code_of(octets: bytes) -> str:
    """Six digits made of eight random octets or more."""
    return f"{int.from_bytes(octets) % 10**DIGITS:0{DIGITS}}"


def typed_code(text: str) -> str:
    """A code as people type it, with blanks or a dash; Refusal `invalid` for what can't be one."""
    code = "".join(char for char in text if char not in " -\u00a0")
    if len(code) != DIGITS or not (code.isascii() and code.isdecimal()):
        raise Refusal("invalid", f"a code has {DIGITS} digits")
    return code


def sms(code: str, company: str, language: str) -> str:
    """What the phone is sent."""
    return _TEXT.get(language, _TEXT["en"]).format(code=code, company=company[:_COMPANY_MOST].strip())


def check_pace(row: Mapping[str, Any] | None, others: int, now: int) -> int:
    """How many codes the phone was sent today; Refusal `rate_limited` if it was, or all were, enough.

    `row`: of `number_proof`; `others`: what the tenant's other phones were sent today.
    """
    if row is not None and now - row["sent_at"] < APART:
        raise _wait("a code was sent there a moment ago", row["sent_at"] + APART - now)
    sent = 0 if row is None or now - row["since"] >= DAY else int(row["sent"])
    if sent >= NUMBER_A_DAY or sent + others >= TENANT_A_DAY:
        raise _wait("enough codes for today", HOUR)
    return sent


def _wait(detail: str, span: int) -> Refusal:
    return Refusal("rate_limited", detail, {"retry_after": max(1, -(-span // 1_000_000))})
