"""The simulator's page in Debian's Chromium: a message comes, an answer leaves, a fault goes on and off."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from support.peers import find_command
from support.smpp_raw import RawSmpp
from support.waiting import eventually
from voip_sms.core.clock import SystemClock
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.wire import smpp

pytestmark = pytest.mark.peer("chromium")

HANDSET, SERVICE = "48601123456", "48601000001"
HOSTILE = "</p><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
# Milliseconds: the page looks once a second, and a busy machine is slow to draw.
PATIENCE = 15_000


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    running = Simulator(SimulatorSettings(smpp="127.0.0.1:0", http="127.0.0.1:0"), SystemClock())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def peer(simulator: Simulator) -> AsyncIterator[RawSmpp]:
    made = RawSmpp(str(simulator.smpp_address))
    await made.bind()
    yield made
    await made.close()


@pytest.fixture
async def open_page(simulator: Simulator) -> AsyncIterator[Callable[..., Any]]:
    """`async with open_page(**options) as page`; whatever its console complains of fails the test."""
    async with async_playwright() as playwright:
        # Chromium's sandbox doesn't start for root, which CI is; nothing but our own page is shown.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=find_command("chromium"), args=arguments)

        @asynccontextmanager
        async def opened(*, console: bool = True, **options: Any) -> AsyncIterator[Page]:
            context = await browser.new_context(**options)
            context.set_default_timeout(PATIENCE)
            page = await context.new_page()
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
            )
            await page.goto(f"http://{simulator.http_address}/")
            yield page
            await context.close()
            assert not (console and complaints)

        yield opened
        await browser.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
async def test_the_journey(open_page: Callable[..., Any], peer: RawSmpp, *, javascript: bool) -> None:
    """See a message arrive, type an answer, switch a fault on and off; without a script by reloading."""
    async with open_page(java_script_enabled=javascript) as page:

        async def fresh() -> None:
            if not javascript:
                await page.reload()

        await page.get_by_text("No handset yet").wait_for()
        text = "Cześć, przyjedziesz? 🦊".encode("utf-16-be")
        await peer.submit(HANDSET, text, data_coding=8, source=smpp.Address.international(SERVICE))
        await peer.deliver()  # its receipt
        await fresh()
        phone = page.get_by_role("article", name=f"Handset +{HANDSET}")
        await phone.get_by_text("Cześć, przyjedziesz? 🦊").wait_for()
        assert await phone.get_by_label("To").input_value() == f"+{SERVICE}"

        await phone.get_by_label(f"Text from +{HANDSET}").fill("Tak, o 15 👍")
        await phone.get_by_role("button", name="Send").click()
        pdu = await peer.deliver()
        assert (pdu.source.value, pdu.dest.value) == (HANDSET, SERVICE)
        assert pdu.short_message.decode("utf-16-be") == "Tak, o 15 👍"
        await phone.get_by_text("Tak, o 15 👍").wait_for()
        assert await phone.get_by_label(f"Text from +{HANDSET}").input_value() == ""

        switch = page.get_by_role("switch", name="Refuse messages")
        row = page.locator("#fault-reject")
        await row.get_by_text("How often").click()
        await row.get_by_label("How many times").fill("1")
        await row.get_by_label("Error").select_option("RTHROTTLED")
        await switch.click()
        await row.get_by_text("once more · RTHROTTLED").wait_for()
        assert await switch.get_attribute("aria-checked") == "true"
        assert (await peer.submit(HANDSET)).status == 0x58
        await fresh()
        await row.get_by_text("once more").wait_for(state="detached")
        assert await switch.get_attribute("aria-checked") == "false"
        await switch.click()
        await page.locator("#switch-reject [aria-checked=true]").wait_for()
        await page.get_by_role("switch", name="Refuse messages").click()
        await page.locator("#switch-reject [aria-checked=false]").wait_for()
        assert (await peer.submit(HANDSET)).status == 0


async def test_nothing_that_is_being_typed_is_lost(open_page: Callable[..., Any], peer: RawSmpp) -> None:
    await peer.submit(HANDSET, b"one", source=smpp.Address.international(SERVICE))
    async with open_page() as page:
        phone = page.get_by_role("article", name=f"Handset +{HANDSET}")
        words = phone.get_by_label(f"Text from +{HANDSET}")
        await words.fill("I am still typ")
        for number, other in enumerate(("two", "three")):
            await peer.submit(
                HANDSET, other.encode(), source=smpp.Address.international(f"4860100000{number}")
            )
            await peer.submit(f"4850000000{number}", b"a new handset before it")
        await phone.get_by_text("three").wait_for()
        await page.get_by_role("article", name="Handset +48500000001").wait_for()
        assert await words.input_value() == "I am still typ"
        assert await words.evaluate("one => one === document.activeElement")
        assert await phone.get_by_label("To").input_value() == "+48601000001"  # the last sender is suggested
        await phone.get_by_label("To").fill("+48111222333")
        await peer.submit(HANDSET, b"four", source=smpp.Address.international(SERVICE))
        await phone.get_by_text("four").wait_for()
        assert await phone.get_by_label("To").input_value() == "+48111222333"
        await words.press("Enter")
        await phone.get_by_text("I am still typ").wait_for()


async def test_a_handset_is_added_written_from_and_hidden(
    open_page: Callable[..., Any], peer: RawSmpp
) -> None:
    async with open_page() as page:
        await page.get_by_label("Number of a new handset").fill("+48 512 345 678")
        await page.get_by_role("button", name="Add handset").click()
        phone = page.get_by_role("article", name="Handset +48512345678")
        await phone.wait_for()
        await phone.get_by_label("To").fill(SERVICE)
        await phone.get_by_label("Text from").fill("first")
        await phone.get_by_role("button", name="Send").click()
        assert (await peer.deliver()).source.value == "48512345678"
        await page.get_by_label("Number of a new handset").fill("48 77")
        await page.get_by_role("button", name="Add handset").click()
        await page.get_by_role("button", name="Hide handset +4877").click()
        await page.get_by_role("article", name="Handset +4877").wait_for(state="detached")


async def test_what_is_wrong_is_said_without_leaving_the_page(open_page: Callable[..., Any]) -> None:
    async with open_page(console=False) as page:  # the browser itself notes the 422
        await page.get_by_label("Number of a new handset").fill("nobody")
        await page.get_by_role("button", name="Add handset").click()
        await page.get_by_role("alert").get_by_text("2 to 20 digits").wait_for()
        assert await page.get_by_label("Number of a new handset").input_value() == "nobody"
        await page.get_by_label("Number of a new handset").fill("48512345678")
        await page.get_by_role("button", name="Add handset").click()
        await page.get_by_role("article").wait_for()
        assert await page.get_by_role("alert").count() == 0


async def test_what_is_texted_never_runs(open_page: Callable[..., Any], peer: RawSmpp) -> None:
    async with open_page() as page:
        title = await page.title()
        for to in (HANDSET, "48777000001"):
            await peer.submit(
                to,
                HOSTILE.encode("utf-16-be")[:140],
                data_coding=8,
                source=smpp.Address.alphanumeric("<img src=x>"),
            )
        await page.get_by_role("article").nth(1).wait_for()
        await page.reload()
        await page.get_by_role("article").nth(1).wait_for()
        assert await page.title() == title
        assert await page.locator(".phone script, .phone img").count() == 0
        assert await page.get_by_text("</p><script>", exact=False).count() == 2


async def test_it_says_when_the_simulator_is_gone(
    open_page: Callable[..., Any], simulator: Simulator
) -> None:
    async with open_page(console=False) as page:
        await page.get_by_text("live", exact=True).wait_for()
        await simulator.stop()
        await page.get_by_text("no connection").wait_for()


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_every_screen(
    open_page: Callable[..., Any], peer: RawSmpp, width: int, scheme: str
) -> None:
    for number in range(4):
        await peer.submit(f"4860112345{number}", b"W" * 150)
    async with open_page(viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        await page.get_by_role("article").nth(3).wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        light = await page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        bright = sum(int(one) for one in ground.removeprefix("rgb(").rstrip(")").split(",")) > 384
        assert bright == light == (scheme == "light")


async def test_a_form_of_another_site_does_nothing(
    open_page: Callable[..., Any], simulator: Simulator
) -> None:
    """A page elsewhere has the reader's browser post to us: refused, with and without a preflight."""
    async with open_page(console=False) as page:
        where = f"http://{simulator.http_address}"
        await page.goto("data:text/html,<title>elsewhere</title>")
        await page.set_content(
            f'<form method="post" action="{where}/page/faults"><input name="fault" value="offline">'
            '<button name="do" value="on">win a prize</button></form>'
        )
        await page.evaluate(
            """where => Promise.allSettled([
                fetch(where + "/faults", {method: "POST", mode: "no-cors", body: '{"fault": "offline"}'}),
                fetch(where + "/faults", {method: "DELETE"})])""",
            where,
        )
        await page.get_by_role("button").click()
        await page.wait_for_load_state()

        async def refused() -> bool:
            return "another site" in await page.content()

        await eventually(refused)
        assert simulator.centre.armed() == []
