"""A new password in a form: typed twice, and why one won't do, in words."""

from collections.abc import Mapping
from typing import Final

from voip_sms.core.passwords import SHORTEST, PasswordUnfitError
from voip_sms.doors.panel.frame.forms import Posted
from voip_sms.doors.panel.frame.words import Words, marked

NEW: Final = "new_password"
AGAIN: Final = "new_password_again"


def chosen(posted: Posted, words: Words) -> tuple[str, dict[str, str]]:
    """The password that was typed, and what is wrong with how."""
    password = posted.get(NEW, "")
    if not password:
        return "", {NEW: words("This is needed")}
    if password != posted.get(AGAIN, ""):
        return password, {AGAIN: words("These are two different passwords.")}
    return password, {}


def unfit(error: PasswordUnfitError, words: Words) -> dict[str, str]:
    """Why this one won't do."""
    return {NEW: words(_WHY[error.why], shortest=SHORTEST)}


_WHY: Final[Mapping[str, str]] = {
    "short": marked("Too short: at least %(shortest)s characters. A few words in a row are good."),
    "long": marked("Too long: at most 256 characters."),
    "common": marked("This password is among those that are tried first. Choose another one."),
    "personal": marked("Don't make it of your name or your e-mail address."),
    "simple": marked("Not one thing repeated, nor a row of digits or letters."),
}
