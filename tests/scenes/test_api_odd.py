"""A NUL in what a program asks for is a fault of the program's, on both databases."""

import aiohttp

from support.office import ACME_KEY
from support.panel_house import PanelHouse


async def test_a_nul_in_a_query_is_told(house: PanelHouse) -> None:
    key = {"Authorization": f"Bearer {ACME_KEY}"}
    asked = ("audit?who", "audit?object", "audit?kind", "messages?to", "messages?from", "messages?client_ref")
    async with aiohttp.ClientSession(f"http://{house.address}", headers=key) as program:
        for one in asked:
            async with program.get(f"/v1/{one}=a%00b") as answer:
                said = await answer.json(content_type=None)
                assert (answer.status, said["errors"][0]["pointer"]) == (422, "/" + one.partition("?")[2]), (
                    one
                )
