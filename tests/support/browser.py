"""Debian's Chromium for one module of tests: pages that complain about nothing, and a picture of where each ended."""

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Playwright, Request, async_playwright

from support.peers import find_command

PATIENCE = 15_000
"""Milliseconds for anything one waits for: a busy machine is slow to draw."""
LOCALES: Mapping[str, str] = {"en": "en-GB", "pl": "pl-PL"}
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""The browser notes that a page itself was a refusal; that is its status, and no fault."""

_AWAY = re.compile(r"Failed to load resource: (net::ERR_|the server responded with a status of 503)")


class Chromium:
    """One process, started with the first page. `close` it."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def close(self) -> None:
        """End it."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None

    @asynccontextmanager
    async def page(
        self,
        address: str,
        language: str = "en",
        *,
        cookies: Mapping[str, str] | None = None,
        outages: bool = False,
        **options: Any,
    ) -> AsyncIterator[Page]:
        """An empty page of somebody of their own; paths are relative to http://`address`.

        Whatever its console says, every dialog and every request elsewhere fails the test; a picture of how it
        looked at last is kept. `outages`: the service may be away meanwhile. `options`: those of Playwright's
        `new_context`.
        """
        base = f"http://{address}"
        options = {"locale": LOCALES[language], "viewport": {"width": 1280, "height": 800}, **options}
        context = await (await self._opened()).new_context(base_url=base, **options)
        try:
            context.set_default_timeout(PATIENCE)
            kept = [{"name": name, "value": value, "url": base} for name, value in (cookies or {}).items()]
            await context.add_cookies(kept)  # type: ignore[arg-type]  # a TypedDict of Playwright's
            page = await context.new_page()
            complaints = watch(page, address, outages=outages)
            yield page
            await keep_picture(page, language)
            assert not complaints, complaints
        finally:
            await context.close()

    async def _opened(self) -> Browser:
        if self._browser is None:
            # Chromium's sandbox doesn't start for root, which CI is; nothing but our own pages is shown.
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=find_command("chromium"), args=arguments
            )
        return self._browser


def watch(page: Page, address: str, *, outages: bool = False) -> list[str]:
    """What a page does that none of ours may; it grows."""
    complaints: list[str] = []

    def said(message: ConsoleMessage) -> None:
        static = "/static/" in message.location.get("url", "")
        if outages and _AWAY.match(message.text):
            return
        if message.type in ("error", "warning") and (static or not _REFUSED.match(message.text)):
            complaints.append(f"console: {message.text}")

    async def asked(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def fetched(request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https", "ws", "wss") and where.netloc != address:
            complaints.append(f"request: {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", asked)
    page.on("request", fetched)
    return complaints


async def keep_picture(page: Page, language: str) -> None:
    """A picture of the page, named for the test, in the folder that VOIP_SMS_SCREENSHOTS names."""
    if page.is_closed() or page.url == "about:blank":
        return
    folder = Path(os.environ.get("VOIP_SMS_SCREENSHOTS", "var/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    test = os.environ.get("PYTEST_CURRENT_TEST", "page").partition(" ")[0]
    name = re.sub(r"[^A-Za-z0-9]+", "-", test.rpartition("/")[2]).strip("-")[:120]
    await page.screenshot(path=folder / f"{name}-{language}.png", full_page=True)


async def tabbed(page: Page, most: int = 200) -> Sequence[str]:
    """The names of what Tab reaches, one after the other, from the start of the page until it comes round."""
    seen: list[str] = []
    await page.evaluate("document.activeElement && document.activeElement.blur()")
    for _ in range(most):
        await page.keyboard.press("Tab")
        name = await page.evaluate(_FOCUSED)
        if not name or (len(seen) > 1 and name == seen[0]):
            break
        if not seen or name != seen[-1]:  # a date has a stop for each of its parts
            seen.append(name)
    return seen


_FOCUSED = """() => {
    const node = document.activeElement;
    if (!node || node === document.body) return '';
    const all = [...document.querySelectorAll('*')];
    return `${node.tagName.toLowerCase()}#${all.indexOf(node)}`;
}"""
