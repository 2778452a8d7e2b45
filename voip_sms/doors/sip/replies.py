"""Public error codes as SIP replies (docs/contract.md, table of codes)."""

from typing import Final

from voip_sms.core.failures import CODES, Code
from voip_sms.net.sip.server import RETRY_AFTER
from voip_sms.net.sip.traffic import Reply

NOT_OWNER: Final = CODES["sender_not_allowed"]
"""Whoever authenticated doesn't own the address that the request was made for."""
_ACCEPTED: Final = {"en": "Accepted", "pl": "Przyjeto"}
_UNAVAILABLE: Final = 503


def accepted(language: str) -> Reply:
    """202: the message is stored."""
    return Reply(202, _ACCEPTED.get(language, _ACCEPTED["en"]))


def refused(code: Code, language: str) -> Reply:
    """The code's status, its reason in the account's language, and when to come back if that helps."""
    status = code.sip or 500
    phrase = code.reason_pl if language == "pl" else code.reason
    return Reply(status, phrase, retry_after(RETRY_AFTER) if status == _UNAVAILABLE else ())


def slow_down(seconds: int) -> Reply:
    """503 for a sender that asks too often; handled anew each time."""
    return Reply(_UNAVAILABLE, headers=retry_after(seconds), keep=False)


def retry_after(seconds: int) -> tuple[tuple[str, str], ...]:
    """The header that names the pause."""
    return (("retry-after", str(seconds)),)
