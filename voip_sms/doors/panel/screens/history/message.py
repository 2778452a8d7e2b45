"""The page of one message: its life step by step, why it went so, whom it was handed to, what can be done."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Event, Message
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.core.status import Status
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.reasons import refusal_words, why_failed
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.blocking import block_sender, is_blocked
from voip_sms.doors.panel.screens.history.handing import handover
from voip_sms.doors.panel.screens.history.narrowing import DOOR_WORDS
from voip_sms.doors.panel.screens.history.tracing import told

_CANCELABLE: Final = frozenset({Status.ACCEPTED, Status.SCHEDULED, Status.QUEUED})
_ENDED_BADLY: Final = frozenset({Status.FAILED, Status.UNDELIVERED, Status.EXPIRED})


class MessageScreen:
    """One message of the company."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        path = f"{ROOT}/history/{{id}}"
        return [
            Route("GET", path, "message", self.show, "history"),
            Route("POST", f"{path}/cancel", "message_cancel", self.cancel, "send"),
            Route("POST", f"{path}/block", "message_block", self.block, "security"),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """Everything about it."""
        message_id = page.id(MESSAGE)
        messages, tenant_id = self._rooms.messages, page.tenant_id
        message = await messages.get(tenant_id, message_id)
        trace, handovers, listed = await asyncio.gather(
            messages.trace(tenant_id, message_id),
            messages.handovers(tenant_id, message_id),
            self._rooms.history.chosen(tenant_id, [message_id]),
        )
        return page.render(
            "history/message.html",
            message=message,
            price=listed[0].price if listed else message.price,
            name=ids.to_text(MESSAGE, message.id),
            life=[_step(event, page.words) for event in message.events],
            why=why_failed(message.error_code, page.words) if message.status in _ENDED_BADLY else "",
            trace=[told(step, page.words) for step in trace],
            handovers=[handover(one, page.words) for one in handovers],
            door=page.words(DOOR_WORDS.get(message.door, message.door)),
            peer=_peer(message),
            may_cancel=page.may("send") and _may_cancel(message),
            may_block=page.may("security") and message.direction == "inbound",
            blocked=message.direction == "inbound" and is_blocked(page, message.sender),
        )

    async def cancel(self, page: Page) -> web.StreamResponse:
        """Call it back, while it has not left."""
        message_id = page.id(MESSAGE)
        back = page.link("message", id=ids.to_text(MESSAGE, message_id))
        try:
            await self._rooms.submitter.cancel(page.tenant_id, message_id)
        except Refusal as refusal:
            if refusal.code.name != "too_late":
                raise
            return page.to(back, refusal_words(refusal, page.words), "bad")
        return page.to(back, page.words("Canceled. It was not sent, and costs nothing."))

    async def block(self, page: Page) -> web.StreamResponse:
        """Put its sender on the blacklist."""
        message = await self._rooms.messages.get(page.tenant_id, page.id(MESSAGE))
        back = page.link("message", id=ids.to_text(MESSAGE, message.id))
        if message.direction != "inbound":
            raise Refusal("not_found")
        said, tone = await block_sender(page, message.sender)
        return page.to(back, said, tone)


def _step(event: Event, words: Words) -> dict[str, object]:
    """A line of the life. `cause`: what the network or the service said, as it was."""
    return {
        "at": event.at,
        "text": words(_LIFE[event.status]) if event.status in _LIFE else event.status,
        "tone": _TONES.get(event.status, ""),
        "cause": "" if event.cause == event.status else event.cause,
    }


def _peer(message: Message) -> str:
    """Who is at the other end."""
    return message.sender if message.direction == "inbound" else message.to


def _may_cancel(message: Message) -> bool:
    return message.direction == "outbound" and message.status in _CANCELABLE


_LIFE: Final[Mapping[str, str]] = {
    Status.ACCEPTED: marked("Taken and stored"),
    Status.SCHEDULED: marked("Waits for its hour"),
    Status.QUEUED: marked("Waits for its turn"),
    Status.SENDING: marked("On its way to the network"),
    Status.SENT: marked("Taken by the network"),
    Status.DELIVERED: marked("Delivered"),
    Status.UNDELIVERED: marked("Not delivered"),
    Status.EXPIRED: marked("Could not be delivered in time"),
    Status.FAILED: marked("Not sent"),
    Status.CANCELED: marked("Canceled before it left"),
    Status.RECEIVED: marked("Received from the network"),
}
_TONES: Final[Mapping[str, str]] = {
    Status.DELIVERED: "good",
    Status.RECEIVED: "good",
    Status.UNDELIVERED: "bad",
    Status.FAILED: "bad",
    Status.EXPIRED: "warn",
    Status.SENT: "info",
}
