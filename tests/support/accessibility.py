"""Whether everybody can use a page: what `accessibility.js` finds, in light and dark, on a telephone and a screen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Page

Scheme = Literal["light", "dark"]
_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
WIDTHS: Final = (1280, 360)
"""Pixels: a screen, and the narrowest telephone there is (WCAG 1.4.10 asks for 320 at most zoom)."""
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


async def complaints(page: Page, language: str, schemes: Sequence[Scheme] = SCHEMES) -> list[str]:
    """Everything wrong with the page that is open; it stays as it was, but wide and light."""
    found: list[str] = []
    for width in reversed(WIDTHS):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in reversed(schemes):
            await page.emulate_media(color_scheme=scheme)
            last = (width, scheme) == (WIDTHS[0], schemes[0])
            if last:
                await page.keyboard.press("Tab")  # from here on focus is the keyboard's, and drawn
            asked = {"language": language, "structure": width == WIDTHS[0] and last, "focus": last}
            said = await page.evaluate(_SCRIPT, asked)
            found += [f"{width} px, {scheme}: {one}" for one in said]
    return found
