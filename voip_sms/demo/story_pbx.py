"""The chapter about exchanges: flows of calls and phones on an Asterisk, phones behind a Kamailio."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import yaml

from voip_sms.demo.caller import Caller
from voip_sms.demo.checks import equal, expect
from voip_sms.demo.clients import Json, until
from voip_sms.demo.listening import HEARD
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.stage import Stage
from voip_sms.demo.stage_pbx import (
    CALLER,
    CALLER_LIMIT,
    DESK,
    DESK_NUMBER,
    DIAL,
    FLOW,
    FRONT,
    FRONT_NUMBER,
    Switchboard,
)

EWA, FILIP, GOSIA, HENRYK = f"+48{CALLER}", "+48601123471", "+48601123472", "+48601123473"
OK: Final = 200
ACCEPTED: Final = 202
UNAVAILABLE: Final = 503


class PbxChapter:
    """Its steps in order; each returns what it saw, or raises."""

    def __init__(self, stage: Stage, board: Switchboard) -> None:
        self._stage, self._board, self._handsets = stage, board, stage.handsets
        self._mobile: Phone | None = None
        self._calls = 0
        flow: Any = yaml.safe_load(FLOW.read_text(encoding="utf-8"))
        self._says = {name: _text(step) for name, step in flow["steps"].items()}
        self._address = flow["variables"]["office"]

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name and teller of every step."""
        return {
            "ivr_key_sends": self.ivr_key_sends,
            "ivr_entered_number": self.ivr_entered_number,
            "ivr_failure_prompt": self.ivr_failure_prompt,
            "pbx_phone_sends": self.pbx_phone_sends,
            "kamailio_front": self.kamailio_front,
        }

    async def close(self) -> None:
        """Put the phone down."""
        if self._mobile is not None:
            await self._mobile.kill()  # nobody waits for its goodbye

    # --- calls ---

    async def ivr_key_sends(self) -> str:
        """Who calls and presses 1 gets one SMS, and hears that it was sent."""
        async with self._calling() as caller:
            await caller.hears_anything()
            await caller.press("1")
            await caller.hears(self._says["done"])
        heard = self._heard(caller, "done", never="sorry")
        text = await self._the_one_text(EWA)
        return f"{EWA} called {DIAL}, pressed 1 and heard {heard}; it got one SMS from ACME: «{text}»"

    async def ivr_entered_number(self) -> str:
        """Who presses 2 and keys in a number has it sent there, once."""
        keys = f"{FILIP.removeprefix('+48')}#"
        async with self._calling() as caller:
            await caller.hears_anything()
            await caller.press("2")
            await caller.hears(self._says["number"])
            await caller.press(keys)
            await caller.hears(self._says["done"])
        heard = self._heard(caller, "done", never="sorry")
        await self._the_one_text(FILIP)
        equal(len(await self._handsets.messages(EWA)), 1)
        return f"{EWA} pressed 2, then {keys}, and heard {heard}; {FILIP} got one SMS, {EWA} none"

    async def ivr_failure_prompt(self) -> str:
        """What can't be sent is said so, and never the opposite: this caller's SMS of the day are used up."""
        async with self._calling() as caller:
            await caller.hears_anything()
            before = await self._sent_by_calls()
            await caller.press("1")
            await caller.hears(self._says["sorry"])
        heard = self._heard(caller, "sorry", never="done")
        equal((len(await self._handsets.messages(EWA)), await self._sent_by_calls()), (1, before))
        return f"after {CALLER_LIMIT} SMS a day for one caller: {EWA} heard {heard}, and no SMS went"

    # --- phones ---

    async def pbx_phone_sends(self) -> str:
        """A phone of the Asterisk texts a number through the shipped dialplan; the answer shows on it."""
        asterisk = self._board.need_asterisk()
        async with _registered(asterisk.account(DESK)) as phone:
            await self._there_and_back(phone, GOSIA, DESK_NUMBER)
        handed = await self._handed_over()
        return f"{DESK} on the Asterisk texted {GOSIA} from {DESK_NUMBER}; the answer shows on it ({handed})"

    async def kamailio_front(self) -> str:
        """A phone behind the Kamailio sends, gets the answer, and hears 503 when nothing can be stored."""
        async with _registered(self._board.front_phone()) as phone:
            await self._there_and_back(phone, HENRYK, FRONT_NUMBER)
            trouble = await self._while_nothing_can_be_stored(phone)
        return f"{FRONT} behind Kamailio texted {HENRYK} from {FRONT_NUMBER} and got the answer{trouble}"

    async def _there_and_back(self, phone: Phone | SoftPhone, to: str, shown: str) -> None:
        there, back = f"Od {phone.account.user}: są już klucze?", f"Są, proszę przyjść ({phone.account.user})"
        sent = await phone.send(to.removeprefix("+48"), there)
        expect(sent.status == ACCEPTED, f"{sent.status} {sent.reason}")
        seen = await self._handsets.received(to, there)
        equal(seen["from"], shown)
        await self._handsets.send(to, shown, back)
        answer = await phone.message_with(back)
        expect(to.removeprefix("+") in answer.sender, f"shown from {answer.sender}")

    async def _while_nothing_can_be_stored(self, phone: Phone | SoftPhone) -> str:
        """Somebody holds the database: 503, no SMS; then 202 and one. Told with SQLite only."""
        scheme, _, path = self._stage.database.partition(":///")
        if scheme != "sqlite":
            return ""
        text = "Czy to się zapisze?"
        with closing(sqlite3.connect(self._stage.folder / path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = await phone.send(HENRYK, text)
        equal(refused.status, UNAVAILABLE)
        sent = await phone.send(HENRYK, text)
        equal(sent.status, ACCEPTED)
        await self._handsets.received(HENRYK, text)
        equal([one["text"] for one in await self._handsets.messages(HENRYK)].count(text), 1)
        return f"; {refused.status} while nothing could be stored, then {sent.status} and one SMS"

    # --- helpers ---

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[Caller]:
        """The mobile calls the flow; in the end the flow hangs up."""
        asterisk = self._board.need_calls()
        phone = await self._the_mobile(asterisk.account(CALLER))
        await until(self._connected, "the service never connected to Asterisk")
        since = len(asterisk.log_text())
        self._calls += 1
        call = await phone.call(DIAL, Path(self._stage.folder) / f"call-{self._calls}.wav")
        await call.up()
        try:
            yield Caller(call, asterisk, since, self._board.speak)
            await call.over()
        finally:
            if call.states.items[-1].state != "over":
                await call.hang_up()

    async def _the_mobile(self, account: PhoneAccount) -> Phone:
        if self._mobile is None:
            self._mobile = await Phone(account).start()
        answer = await self._mobile.register()
        expect(answer.status == OK, f"{answer.status} {answer.reason}")
        return self._mobile

    async def _connected(self) -> bool:
        return "voip_sms_asterisk_connected 1.0" in await self._stage.api.text("/metrics")

    def _heard(self, caller: Caller, said: str, *, never: str) -> str:
        """By the recording of the call."""
        likeness, other = caller.heard(self._says[said]), caller.heard(self._says[never])
        expect(
            likeness >= HEARD > other,
            f"«{self._says[said]}» {likeness:.2f}, «{self._says[never]}» {other:.2f}",
        )
        return f"«{self._says[said]}»"

    async def _the_one_text(self, number: str) -> str:
        """What a handset got of the flow; the call is over, so that a second one would be there, too."""

        async def look() -> list[Json]:
            return await self._handsets.messages(number)

        messages = await until(look, f"{number} got nothing")
        equal([one["from"] for one in messages], ["ACME"])
        text = str(messages[0]["text"])
        expect(self._address in text, text)
        return text

    async def _sent_by_calls(self) -> int:
        listed = await self._stage.api.get("/v1/messages?direction=outbound&limit=1000")
        return sum(one["door"] == "ivr" for one in listed["data"])

    async def _handed_over(self) -> str:
        """How the answer's hand-over ended, in the service's own words."""

        async def look() -> str:
            (message,) = (await self._stage.api.get(f"/v1/messages?direction=inbound&from=%2B{GOSIA[1:]}"))[
                "data"
            ]
            shown: Json = await self._stage.api.get(f"/v1/messages/{message['id']}/deliveries")
            (job,) = shown["data"]
            return str(job["cause"]) if job["state"] == "done" else ""

        return str(await until(look, "the answer was never handed over"))


@asynccontextmanager
async def _registered(account: PhoneAccount) -> AsyncIterator[Phone | SoftPhone]:
    phone = Phone(account) if Phone.available() else SoftPhone(account)
    try:
        answer = await phone.register()
        expect(answer.status == OK, f"{answer.status} {answer.reason}")
        yield phone
    finally:
        await phone.kill()


def _text(step: Mapping[str, Any]) -> str:
    """What a step of the flow says, if it says one thing."""
    prompt = step.get("prompt")
    return str(prompt.get("say", "")) if isinstance(prompt, dict) else ""
