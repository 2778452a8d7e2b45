"""Whatever a sender calls itself, its conversation has a page, which the list, forms and messages lead to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from support import traffic
from support.events import listening
from support.html import Element, parsed
from support.panel import Seen, Visitor
from support.panel_house import PanelHouse
from support.people import ANN
from support.waiting import eventually

SENDERS = (
    "..",
    ".",
    "%2e%2e",
    "a/b",
    "\\",
    "50% OFF",
    "a?b#c;d&e=f",
    "<b>'\"",
    "~",
    "~2E",
    "Żabka 🐸",
    "+48600100200",
    "x" * 64,
    "",
)
HERE = "/panel/conversations"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[PanelHouse]:
    opened = await PanelHouse.open(database_url, tmp_path)
    tenant_id, now = opened.tenant("acme"), opened.rooms.clock.now()
    rows = [
        traffic.inbound(opened.rooms.new_id(), tenant_id, now, sender, client_ref=str(place))
        for place, sender in enumerate(SENDERS)
    ]
    await opened.ground.writer.run(
        lambda connection: [traffic.store(connection, [row], f"I am {row['client_ref']}.") for row in rows]
    )
    yield opened
    await opened.close()


async def test_each_has_its_page_with_forms_that_lead_back(house: PanelHouse) -> None:
    ann = await house.visitor(ANN, "en")
    links = talks(await ann.get(HERE))
    assert len(links) == len(SENDERS), "on one page of the list"
    for place, link in enumerate(reversed(links)):
        seen = await followed(ann, link["href"])
        assert f"I am {place}." in bubbles(seen), SENDERS[place]
        assert [one["href"] for one in talks(seen) if one["aria-current"]] == [link["href"]]
        noted = await ann.send(seen, f"{URL(seen.path).raw_path}/note", note=f"seen {place}")
        assert f"seen {place}" in bubbles(noted)
        other = await ann.send(noted, "/panel/language", press="language=pl")
        assert f"I am {place}." in bubbles(other)
        (message,) = [one for one in other.page.all("a") if "/panel/history/msg_" in one["href"]]
        back = [one for one in (await ann.get(message["href"])).page.all("a") if HERE + "/" in one["href"]]
        assert f"I am {place}." in bubbles(await followed(ann, back[0]["href"]))


async def test_each_is_live(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    for place, link in enumerate(reversed(talks(await ann.get(HERE)))):
        seen = await ann.get(link["href"])
        (part,) = [one for one in seen.page.all("div") if one["data-events"]]
        async with listening(house.address, part["data-events"], dict(ann.cookies)) as stream:
            event = await stream.until(f"I am {place}.")
        entries = [one for one in parsed(event.data).all("li") if one["data-append-to"] == "entries"]
        assert [one.all("p")[0].text for one in entries] == [f"I am {place}."], SENDERS[place]
        await eventually(lambda: not house.door._streams)  # four of one session at a time


async def followed(who: Visitor, href: str) -> Seen:
    """As a browser does: `..` and `%2e%2e` are the folder above."""
    segments = href.partition("?")[0].split("/")
    assert not {one.lower().replace("%2e", ".") for one in segments} & {".", ".."}, href
    assert "%2F" not in href, "proxies turn it into a slash"
    seen = await who.get(href)
    assert seen.status == 200, href
    return seen


def talks(seen: Seen) -> list[Element]:
    """The links of the list."""
    return [one for part in seen.page.all("ol", id="talks") for one in part.all("a")]


def bubbles(seen: Seen) -> str:
    (entries,) = seen.page.all("ol", id="entries")
    return entries.text
