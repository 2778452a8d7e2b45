"""Why something was not sent or did not arrive, in words for people: the one place for it in the panel."""

from collections.abc import Mapping
from typing import Final

from voip_sms.core.failures import Refusal
from voip_sms.core.segments import TextTooLongError
from voip_sms.doors.panel.frame.words import Words, marked


def refusal_words(refusal: Refusal, words: Words) -> str:
    """A refusal as a sentence that says what to do about it."""
    if isinstance(refusal, TextTooLongError):
        return words(
            "The text takes %(parts)s parts and at most %(most)s are allowed: shorten it or allow more",
            parts=refusal.parts,
            most=refusal.max_parts,
        )
    status = refusal.data.get("status")
    if isinstance(status, str) and status in _NAMES:
        return words(_NAMES[status])
    return why_not(refusal.code.name, words, refusal.detail)


def why_not(code: str, words: Words, detail: str = "") -> str:
    """The same from what is kept of it: its public code and detail."""
    return words(_DETAILS.get(detail) or _REFUSED.get(code, _REFUSED["invalid"]))


def why_failed(code: str | None, words: Words) -> str:
    """Why a message that was taken did not arrive, from its `error_code`; a refusal's code is known, too."""
    known = code or ""
    return why_not(known, words) if known in _REFUSED else words(_FAILED.get(known, _FAILED[""]))


_REFUSED: Final[Mapping[str, str]] = {
    "unauthorized": marked("You are not signed in any more"),
    "malformed": marked("Something in it can't be read"),
    "invalid": marked("Something in it can't be used as it is"),
    "idempotency_key_invalid": marked("This form can't be used any more: open the page anew"),
    "recipient_invalid": marked("This is not a phone number: nine digits, or a + and the country code first"),
    "extension_unknown": marked("No phone of yours has this extension"),
    "recipient_forbidden": marked("This number can't take an SMS"),
    "no_route": marked("SMS to this destination are not set up: ask your operator"),
    "blocked": marked("A rule of your company or of the operator stops this"),
    "opted_out": marked("They asked not to get SMS from you"),
    "limit_reached": marked("A limit has been reached: wait until it begins anew, or have it raised"),
    "text_empty": marked("There is no text yet"),
    "text_too_long": marked("The text takes too many parts: shorten it or allow more"),
    "credit_exhausted": marked("There is not enough credit: top it up, or ask your operator"),
    "pool_exhausted": marked(
        "All numbers for replies are talking with this recipient: choose another sender"
    ),
    "sender_not_allowed": marked("This sender may not be used: choose another one"),
    "rate_limited": marked("That was too fast: wait a few seconds and try again"),
    "store_unavailable": marked(
        "Nothing can be stored right now, and nothing was sent: try again in a moment"
    ),
    "idempotency_mismatch": marked(
        "This form was sent before with something else in it: look it over, and send it again if you mean it"
    ),
    "forbidden": marked("You may not do this, or your company's service is switched off"),
    "too_late": marked("It is too late: the message is on its way"),
    "not_found": marked("There is no such thing here, or not any more"),
    "conflict": marked("It exists already, or somebody has changed it meanwhile"),
    "too_large": marked("That is too much at once"),
}
_DETAILS: Final[Mapping[str, str]] = {
    "a landline takes no SMS": marked("A landline takes no SMS"),
    "a toll-free number takes no SMS": marked("A toll-free number takes no SMS"),
    "a shared-cost number takes no SMS": marked("A shared-cost number takes no SMS"),
    "premium numbers are not served": marked("Premium numbers can't be texted"),
    "personal numbers bill like premium ones and are not served": marked("Premium numbers can't be texted"),
    "a pager takes no SMS": marked("A pager takes no SMS"),
    "a company access number takes no SMS": marked("A company's access number takes no SMS"),
    "a voice mailbox takes no SMS": marked("A voice mailbox takes no SMS"),
    "emergency numbers and short codes are not served": marked(
        "Emergency numbers and short codes can't be texted"
    ),
    'to an extension, "from" is an extension: "sip:101"': marked(
        "Only a phone can write to an extension: text a number instead"
    ),
    "a message to an extension can't be scheduled": marked("What goes to an extension can't be scheduled"),
    "a submission has at most 10000 recipients": marked("At most 10,000 recipients at once"),
    "nobody is written to": marked("Say to whom"),
    "the customer's service is switched off": marked("Your company's service is switched off"),
}
_NAMES: Final[Mapping[str, str]] = {
    "pending": marked("This sender name is waiting for approval: choose another sender until then"),
    "rejected": marked("This sender name was rejected: choose another sender"),
    "unknown": marked("Nobody has asked for this sender name yet: choose another sender"),
}
_FAILED: Final[Mapping[str, str]] = {
    "rejected": marked("The network refused it"),
    "undelivered": marked("The recipient could not be reached"),
    "expired": marked("It could not be delivered in time"),
    "uncertain": marked("Nobody knows whether it went out; it was not charged"),
    "no_receipt": marked("The network never said what became of it"),
    "": marked("It was not delivered"),
}
