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
        """Send a code there; None. Set at once: theirs already, or the company's, for who looks after those.

        Nobody else has notices sent to a colleague's phone, which agreed to forwarded texts.
        InvalidError at `number`; Refusal `rate_limited`, and whatever keeps an SMS from being sent.
        """
        number = self._verifying.read(typed)
        if number == user.phone or await self._looked_after(user, number):
            return await self._own.change(user, phone=number)
        await self._verifying.send_code(user.tenant_id, number, by_person(user))
        return None

    async def prove(self, user: User, typed: str, code: str) -> User:
        """The code: from now on it is theirs. Refusal `invalid` (data: `tries_left`), `too_late`."""
        shown = await self._verifying.prove(user.tenant_id, typed, code, by_person(user))
        return await self._own.change(user, phone=shown["number"])

    async def forget(self, user: User) -> User:
        """None any more; what was wished by SMS comes by mail."""
        return await self._own.change(user, phone="")

    async def _looked_after(self, user: User, number: str) -> bool:
        return user.may("numbers") and await self._verifying.is_proven(user.tenant_id, number)
