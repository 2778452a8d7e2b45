"""The service of two customers: an office of use cases, its API, and the whole with its panel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.api import Client, Site, site_over
from support.fakes import FakeClock
from support.office import ACME_KEY, Office
from support.panel import stage
from support.panel_house import PanelHouse

__all__ = ["stage"]


@pytest.fixture
async def office(database_url: str, clock: FakeClock) -> AsyncIterator[Office]:
    made = await Office.open(database_url, clock)
    yield made
    await made.close()


@pytest.fixture
async def site(office: Office) -> AsyncIterator[Site]:
    async with site_over(office.rooms()) as made:
        yield made


@pytest.fixture
def acme(site: Site) -> Client:
    return site.client(ACME_KEY)


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[PanelHouse]:
    opened = await PanelHouse.open(database_url, tmp_path)
    yield opened
    await opened.close()
