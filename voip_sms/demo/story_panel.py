"""The chapter about the panel: somebody signs in, sends, thinks again, and sees the answer while it comes."""

from collections.abc import Awaitable, Callable, Mapping

from voip_sms.demo.browser import Browser, Shown
from voip_sms.demo.checks import equal, expect
from voip_sms.demo.stage import OPERATOR, PERSON, POOL, Stage

IRENA = "+48601123490"
HELD = 30.0
"""Seconds until an SMS of the panel is there: it is held for ten of them."""


class PanelChapter:
    """Its steps in order; each returns what it saw, or raises."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._handsets = stage, stage.handsets

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name and teller of every step."""
        return {"panel_send": self.panel_send}

    async def panel_send(self) -> str:
        """A person sends an SMS, calls another back, reads the answer live; the operator sees the traffic."""
        anna, olga = Browser(self._stage.http_address), Browser(self._stage.http_address)
        try:
            await self._sign_in(anna, PERSON)
            await self._sign_in(olga, OPERATOR)
            async with olga.listening("/panel/events/traffic") as passing:
                told = await self._there_and_back(anna)
                await passing.say("received")
            expect(not passing.said("Iren"), "the operator read a text")
            return told
        finally:
            await anna.close()
            await olga.close()

    async def _there_and_back(self, anna: Browser) -> str:
        wrong, right, answer = "Pani Ireno, pomyłka", "Pani Ireno, czy pasuje czwartek?", "Pasuje, dziękuję!"
        before = await self._available()
        back = await self._send(anna, wrong)
        told = await anna.send(back, f"{back.path}/undo")
        expect("nothing is charged" in told.text, told.text)
        equal(await self._available(), before)
        async with anna.listening(f"/panel/events/conversations?peer=%2B{IRENA[1:]}") as hers:
            await self._send(anna, right)
            seen = await self._handsets.received(IRENA, right, within=HELD)
            expect(seen["from"] in POOL, f"came from {seen['from']}")
            await self._handsets.send(IRENA, seen["from"], answer)
            await hers.say(answer)
        page = await anna.open(f"/panel/conversations/{IRENA}")
        expect(right in page.text and answer in page.text, page.text)
        texts = [one["text"] for one in await self._handsets.messages(IRENA)]
        expect(wrong not in texts, f"{wrong} was called back, and came")
        return (
            f"{IRENA} got «{right}» from {seen['from']}, the answer came live; another was called back, free"
        )

    async def _available(self) -> object:
        return (await self._stage.api.get("/v1/balance"))["available"]

    async def _send(self, browser: Browser, text: str) -> Shown:
        page = await browser.open(f"/panel/send?to={IRENA.removeprefix('+48')}")
        return await browser.send(page, text=text)

    async def _sign_in(self, browser: Browser, mail: str) -> None:
        """By the link of a command; whoever only looks at it (a mail program's scanner) uses nothing up."""
        await browser.send(await browser.open(await self._stage.link(mail)))
