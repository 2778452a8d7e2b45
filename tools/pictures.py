"""Takes the pictures of the panel for README and docs/use, on a service that really runs: `make pictures`."""

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from playwright.async_api import Page
from sqlalchemy import create_engine, select

from support.panel import LANGUAGES, PanelStage, Who, panel_stage
from support.panel_data import PATIENTS, a_day, company
from voip_sms.core.ids import earliest
from voip_sms.store.tables import message, tally

FOLDER: Final = Path(__file__).parents[1] / "docs" / "images"
LARGEST: Final = 200_000
"""Octets of a picture: a page with six of them opens on a telephone."""
SCREEN, TELEPHONE = (1280, 800), (390, 780)


@dataclass(frozen=True, slots=True)
class Picture:
    """`name`: of the file, `panel-<name>.<language>.png`; `path`: of the page."""

    name: str
    who: Who
    path: str
    size: tuple[int, int] = SCREEN
    scheme: Literal["light", "dark"] = "light"
    text: str = ""
    """What is typed before."""
    click: str = ""
    """The link of the page that leads to what is shown: its selector."""


TALK: Final = "/panel/conversations/" + PATIENTS[0].replace("+", "%2B")
PICTURES: Final = (
    Picture("send", "admin", "/panel/send", text="Wizyta jutro o 9:00. Do zobaczenia, życzymy miłego dnia!"),
    Picture("conversation", "user", TALK),
    Picture("telephone", "user", TALK, TELEPHONE, "dark"),
    Picture("history", "admin", "/panel/history"),
    Picture("message", "admin", "/panel/history", click="a[href*='/history/msg_']"),
    Picture("number", "admin", "/panel/numbers", click="main a:has-text('601 000 001')"),
    Picture("operator", "operator", "/panel/operator"),
    Picture("name", "operator", "/panel/operator/names", click="main a:has-text('SMILE')"),
)
BUSY: Final = (
    Picture("home", "admin", "/panel"),
    Picture("carrier", "operator", "/panel/operator/carriers/sim"),
)
"""Those with a chart of a day that had hours."""


async def main() -> int:
    """Take all; 1 when one is too large."""
    FOLDER.mkdir(exist_ok=True)
    large: list[Path | None] = []
    for language in LANGUAGES:
        os.environ["LANGUAGE"] = language  # what Chromium writes itself: how one types a date
        async with panel_stage(change=company) as stage:
            await a_day(stage, language)
            large += [await take(stage, one, language) for one in PICTURES]
            await stage.serve.stop()
            await asyncio.to_thread(earlier_today, stage.folder / "var" / "voip-sms.db")
            await stage.serve.start()
            large += [await take(stage, one, language) for one in BUSY]
    if found := [one.name for one in large if one is not None]:
        print(f"larger than {LARGEST} octets: {', '.join(found)}", file=sys.stderr)
    return 1 if found else 0


def earlier_today(file: Path) -> None:
    """What the hours before would have left: copies of today's messages, and what was counted of them."""
    database, now = create_engine(f"sqlite:///{file}"), datetime.now(UTC)
    with database.begin() as connection:
        rows = [row._asdict() for row in connection.execute(select(message).order_by(message.c.id))]
        models = [next(row for row in rows if row["status"] == status) for status in _BUSY]
        for hours in range(1, 24):
            then = now - timedelta(hours=hours)
            hour = then.astimezone(ZoneInfo("Europe/Warsaw")).hour
            for model in models:
                busy = _BUSY[model["status"]]
                for n in range(busy[hour % len(busy)] if hour in _OPEN else 0):
                    connection.execute(message.insert().values(_copy(model, then - timedelta(minutes=n))))
        for minutes in range(0, 24 * 60, 5):
            at = round((now - timedelta(minutes=minutes)).timestamp()) // 300 * 300
            for what, each in _COUNTED.items():
                row = {"at": at * 1_000_000, "subject": "carrier:sim", "what": what, "node": "earlier"}
                connection.execute(tally.insert().values(**row, n=each * (2 + at // 300 % 7 % 4)))
    database.dispose()


def _copy(model: dict[str, Any], then: datetime) -> dict[str, Any]:
    """The same message at another time, to or from somebody with whom there is no conversation to look at."""
    at = round(then.timestamp() * 1_000_000)
    end = "recipient" if model["direction"] == "outbound" else "sender"
    return {**model, "id": earliest(at)[:6] + os.urandom(10), "created_at": at, end: "+48500100200"}


_OPEN: Final = range(7, 21)
"""Hours in which anybody writes."""
_BUSY: Final = {"delivered": (4, 7, 11, 14, 9, 12), "received": (2, 3, 6, 9, 7, 5), "undelivered": (0, 0, 1)}
"""How many of each status in one hour after the other."""
_COUNTED: Final = {"accepted": 6, "inbound": 3}


async def take(stage: PanelStage, picture: Picture, language: str) -> Path | None:
    """One picture, its colours reduced where `pngquant` is; itself where it is too large all the same."""
    width, height = picture.size
    file = FOLDER / f"panel-{picture.name}.{language}.png"
    async with stage.browser(
        language,
        as_=picture.who,
        viewport={"width": width, "height": height},
        color_scheme=picture.scheme,
        device_scale_factor=1.5,
        reduced_motion="reduce",
    ) as page:
        await page.goto(picture.path)
        await page.wait_for_load_state("load")
        if picture.click:
            await page.locator(picture.click).filter(visible=True).first.click()
            await page.wait_for_load_state("load")
        if picture.text:
            await _write(page, picture.text)
        await page.screenshot(path=file)
    await _reduce(file)
    print(f"{file.stat().st_size:>8} {file.name}")
    return file if file.stat().st_size > LARGEST else None


async def _write(page: Page, text: str) -> None:
    """Fill in a form for a message and let its preview come."""
    await page.locator("[name=to]").fill(PATIENTS[1])
    await page.locator("textarea[name=text]").fill(text)
    await page.wait_for_timeout(1_000)  # a picture of the preview, which comes when typing pauses


async def _reduce(file: Path) -> None:
    found = shutil.which("pngquant")
    if found:
        options = ("--force", "--skip-if-larger", "--output", str(file), "128", str(file))
        await (await asyncio.create_subprocess_exec(found, *options)).wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
