"""Lists by the page: newest first, the next page begins after the last one's last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from voip_sms.doors.panel.frame.page import Page

PAGE: Final = 50
"""Rows a page: one look, and less than a millisecond to read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """One page. `next`: where the following one is, "" for the last; `first`: the list's beginning, or ""."""

    items: Sequence[T]
    next: str = ""
    first: str = ""


def page_of(page: "Page", items: Sequence[T], following: str = "") -> PageOf[T]:
    """A page of a list. `following`: the id after which the next one begins, "" when this is the last."""
    query = {name: text for name, text in page.request.query.items() if name != "after"}
    path = page.request.path

    def at(more: dict[str, str]) -> str:
        whole = urlencode({**query, **more})
        return f"{path}?{whole}" if whole else path

    return PageOf(items, at({"after": following}) if following else "", at({}) if page.arg("after") else "")
