"""The service of two customers (`support/office.py`), and its API with a program of the first one's."""

from collections.abc import AsyncIterator

import pytest

from support.api import Client, Site, site_over
from support.fakes import FakeClock
from support.office import ACME_KEY, Office


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
