"""The telephone that somebody is told things on: theirs once a code that came there was typed back."""

from voip_sms.core.people import User
from voip_sms.engine.people.noting import by_person
from voip_sms.engine.people.own import Own
from voip_sms.engine.verifying import Verifying


class Phones:
    """Codes, their number and their pace are those of all phones of the company (`verifying.py`)."""

    def __init__(self, own: Own, verifying: Verifying) -> None:
        self._own = own
        self._verifying = verifying

    async def ask(self, user: User, typed: str) -> User | None:
        """Send a code there; None. Who proved this phone for the company already: set at once.

        InvalidError at `number`; Refusal `rate_limited`, and whatever keeps an SMS from being sent.
        """
        shown = await self._verifying.send(user.tenant_id, typed, by_person(user))
        return await self._own.change(user, phone=shown["number"]) if shown["verified"] else None

    async def prove(self, user: User, typed: str, code: str) -> User:
        """The code: from now on it is theirs. Refusal `invalid` (data: `tries_left`), `too_late`."""
        shown = await self._verifying.prove(user.tenant_id, typed, code, by_person(user))
        return await self._own.change(user, phone=shown["number"])

    async def forget(self, user: User) -> User:
        """None any more; what was wished by SMS comes by mail."""
        return await self._own.change(user, phone="")
