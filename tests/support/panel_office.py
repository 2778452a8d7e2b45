"""The panel alone on a real socket over an office, with time in the test's hand.

`panel_house.py` is the whole service as it is wired, on the machine's time.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support.office import Office
from support.panel import PASSWORD, Visitor
from voip_sms.app.settings import Settings
from voip_sms.app.web import Parts, panel_door, shared
from voip_sms.core.guessing import Guesses
from voip_sms.engine.signals import Signals
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.http.server import HttpServer
from voip_sms.net.http.settings import HttpSettings


def person(mail: str, role: str = "admin", **more: Any) -> dict[str, Any]:
    """Somebody of a customer's, as a file of `apply` has them."""
    return {"mail": mail, "name": mail.partition("@")[0].title(), "role": role, "password": PASSWORD, **more}


@dataclass
class PanelOffice:
    """`visitor` is somebody who signed in."""

    office: Office
    address: str
    _stack: AsyncExitStack

    async def visitor(self, mail: str, language: str = "en") -> Visitor:
        """A browser of theirs."""
        made = Visitor(self.address, language)
        self._stack.push_async_callback(made.close)
        await made.sign_in(mail)
        return made


@asynccontextmanager
async def panel_over(office: Office) -> AsyncIterator[PanelOffice]:
    """The door, listening on loopback."""
    async with AsyncExitStack() as stack:
        parts = Parts(
            settings=Settings(),
            context=office.context,
            signals=Signals(),
            holder=office.holder,
            submitter=office.submit,
            forwarder=WebhookForwarder(office.guarded, office.context.clock),
            guesses=Guesses(time.monotonic),
            links=dict,
            missing=list,
            doors=dict,
        )
        server = HttpServer(HttpSettings(listen="127.0.0.1:0"), drain=2.0)
        door = panel_door(parts, shared(parts), bytes(32))
        door.register(server)
        address = await server.start()
        stack.push_async_callback(server.stop)
        stack.push_async_callback(door.stop)
        yield PanelOffice(office, address, stack)
