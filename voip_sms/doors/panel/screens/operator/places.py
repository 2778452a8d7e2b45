"""Where the operator's pages are, and where a list goes on."""

from typing import Final

from voip_sms.core import ids
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT

OPERATOR: Final = f"{ROOT}/operator"


def after(page: Page, prefix: str) -> Id | None:
    """The id that the page begins behind; None: at the beginning. Refusal `not_found` for what is none."""
    text = page.arg("after")
    if not text:
        return None
    try:
        return ids.from_text(prefix, text)
    except ids.IdInvalidError:
        raise Refusal("not_found") from None
