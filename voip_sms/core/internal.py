"""From one SIP account of a customer to another: whose a `sip:` address is, and what sending there comes to.

Not an SMS: no carrier, no route, no price, no cut into parts and none of the rules about numbers.
"""

from typing import Final

from voip_sms.core import addresses
from voip_sms.core.addresses import Kind, RecipientForbiddenError, RecipientInvalidError
from voip_sms.core.directory import Account, Directory, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.model import INTERNAL, Plan, Sender, Step, Submission

TEXT_MOST: Final = 10_000
"""Characters: four pages. Phones show no more at once, and a text in pieces is a hundred requests."""
_EXTENSION_MOST: Final = 6
"""Digits of what is taken for an extension when nobody has it; more are a number with a slip in it."""


def account_of(directory: Directory, tenant_id: Id, address: str) -> Account | None:
    """Whose phones `sip:102` or `sip:102@host` means: an enabled account of this customer, else None.

    A user name that could be a national number (`601123456`) comes before the number; `+48601123456` is
    always the number.
    """
    user = addresses.extension(address)
    found = directory.sip.get(user) if user is not None else None
    if found is None or found.account.tenant_id != tenant_id or not found.account.enabled:
        return None
    return found.account


def plan(directory: Directory, submission: Submission, to: Account, text: str) -> Plan:
    """What sending `text` to `to` comes to. Refusal `sender_not_allowed`, `text_too_long`, `invalid`."""
    if len(text) > TEXT_MOST:
        raise Refusal("text_too_long", f"a message to an extension has at most {TEXT_MOST} characters")
    sender = _sender(directory, submission)
    trace = (
        Step("recipient", to.ref, "an extension of this customer"),
        Step("screening", "allowed", "rules for numbers do not count"),
        Step("text", "utf8, 1 part"),
        Step("identity", sender.ref, "itself"),
        Step("route", INTERNAL, "straight to its phones, no carrier"),
        Step("price", "free"),
    )
    return Plan(to.ref, Sender(INTERNAL, sender.ref), "utf8", (text,), trace=trace)


def unknown(address: str, refusal: Refusal, country: str) -> Refusal:
    """What to tell about an address that is nobody's here and no number that can be texted (`refusal`)."""
    user = addresses.extension(address)
    if user is None or not _like_an_extension(user, refusal, country):
        return refusal
    return Refusal("extension_unknown")


def _sender(directory: Directory, submission: Submission) -> Account:
    """A phone sends as itself; a program says for which extension, so that it can be answered."""
    account, asked = submission.account, submission.options.sender
    if asked is None and account.kind == "sip":
        return account
    sender = account_of(directory, account.tenant_id, asked or "")
    if sender is None or (account.kind == "sip" and sender.id != account.id):
        raise Refusal("sender_not_allowed", 'to an extension, "from" is an extension: "sip:101"')
    return sender


def _like_an_extension(user: str, refusal: Refusal, country: str) -> bool:
    digits = user.isdecimal()
    if isinstance(refusal, RecipientInvalidError):
        return not digits or len(user) <= _EXTENSION_MOST
    short = isinstance(refusal, RecipientForbiddenError) and refusal.kind is Kind.SHORT
    return short and digits and not addresses.is_service(user, country)
