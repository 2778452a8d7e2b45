"""The HTML of our mails in Debian's Chromium: fits a telephone, can be read in the dark, fetches nothing."""

import os
from collections.abc import AsyncIterator
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from playwright.async_api import Browser, Request, async_playwright

from support.peers import find_command

pytestmark = pytest.mark.peer("chromium")

MAILS = sorted((Path(__file__).parents[1] / "golden" / "mail").glob("*.eml"))
# WCAG 2.1, 1.4.3: text of this size against what is behind it.
CONTRAST = 4.5
LEAST_CONTRAST = """() => {
    const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const parts = text => text.match(/[\\d.]+/g).map(Number);
    const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = parts(getComputedStyle(node).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return canvas;
    };
    const texts = [...document.body.querySelectorAll('*')].filter(node => node.innerText.trim());
    return Math.min(...texts.map(node => {
        const [one, two] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
        return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    }));
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # Chromium's sandbox doesn't start for root, which CI is; nothing but our own mails is shown.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        made = await playwright.chromium.launch(executable_path=find_command("chromium"), args=arguments)
        yield made
        await made.close()


def html_of(path: Path) -> str:
    mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    return mail.get_body(("html",)).get_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800])
async def test_every_mail_fits_is_readable_and_fetches_nothing(
    browser: Browser, width: int, scheme: str
) -> None:
    assert MAILS
    context = await browser.new_context(viewport={"width": width, "height": 600}, color_scheme=scheme)
    page = await context.new_page()
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("request", note)  # playwright can't keep a bound built-in
    for path in MAILS:
        await page.set_content(html_of(path))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert await page.evaluate(LEAST_CONTRAST) >= CONTRAST, path.name
    assert not asked
    await context.close()
