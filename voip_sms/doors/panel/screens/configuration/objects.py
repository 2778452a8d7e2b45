"""One collection's objects as the screens of configuration list, show and compare them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core import ids
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.doors.panel.frame.forms import Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, PageOf, page_of
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.accounts.seen import seen_of

STORING: Final = 15.0
"""Seconds for what is stored; the engine refuses within three what it has not begun."""
TESTING: Final = 25.0
"""Seconds for a test to somebody's server or phone: its own bounds end first."""
MOST: Final = 1_000
"""Objects of one kind that a page of choices holds."""
REMEMBERED: Final = 500
"""What forms made last, by their tokens: some kilobytes each."""

Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one collection, named by the prefix of their ids."""

    accounts: Accounts
    collection: str

    async def page(self, page: Page) -> PageOf[Shown]:
        """A page of them, newest first."""
        found, more = await self.accounts.list(
            page.tenant_id, self.collection, limit=PAGE, starting_after=after_of(page, self.collection)
        )
        return page_of(page, found, str(found[-1]["id"]) if more else "")

    async def all(self, page: Page, **only: Any) -> list[Shown]:
        """All of them, for choices; or those whose columns are `only` these."""
        found, _ = await self.accounts.list(
            page.tenant_id, self.collection, limit=MOST, starting_after=None, only=only
        )
        return list(found)

    async def named(self, page: Page) -> tuple[Id, Shown]:
        """The one in the path; Refusal `not_found`, also for another tenant's."""
        object_id = page.id(self.collection)
        return object_id, await self.accounts.get(page.tenant_id, self.collection, object_id)

    async def change(self, page: Page, posted: Posted, patch: Any) -> Shown:
        """Change the one in the path, if it is as the form has seen it."""
        seen = posted.get("seen", "")
        object_id = page.id(self.collection)
        return await self.accounts.change(
            page.tenant_id, self.collection, object_id, patch, page.by, seen=seen
        )

    async def remove(self, page: Page, posted: Posted) -> None:
        """Remove the one in the path, if it is as whoever confirmed has seen it."""
        seen = posted.get("seen", "")
        object_id = page.id(self.collection)
        await self.accounts.remove(page.tenant_id, self.collection, object_id, page.by, seen=seen)


def after_of(page: Page, prefix: str) -> Id | None:
    """Where a list goes on; Refusal `not_found` for what is no id."""
    text = page.arg("after")
    if not text:
        return None
    try:
        return ids.from_text(prefix, text)
    except ids.IdInvalidError:
        raise Refusal("not_found") from None


def seen(shown: Shown) -> str:
    """What a form remembers of the object it shows."""
    return seen_of(shown)


def lines_of(text: str) -> list[str]:
    """What stands on the lines of a field, or between commas."""
    return [one.strip() for one in text.replace(",", "\n").split("\n") if one.strip()]


class Once:
    """What a form makes, it makes once: a second click gets what the first one made, with its secrets.

    Kept in this process for as long as a few hundred others; whoever comes later meets `conflict`.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Id, str], asyncio.Future[Any]] = OrderedDict()

    async def do(self, page: Page, posted: Posted, work: Callable[[], Awaitable[Shown]]) -> Shown:
        """The result of `work`, or that of the same form before. A refusal is not kept."""
        key = (page.user.id, posted.once)
        before = self._made.get(key)
        if before is not None:
            made: Shown = await asyncio.shield(before)
            return made
        mine: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._made[key] = mine
        if len(self._made) > REMEMBERED:
            self._made.popitem(last=False)
        try:
            done = await work()
        except BaseException as error:
            self._made.pop(key, None)
            mine.set_exception(error if isinstance(error, Refusal) else Refusal("conflict"))
            mine.exception()  # looked at: nobody may wait for it
            raise
        mine.set_result(done)
        return done
