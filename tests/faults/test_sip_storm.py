"""All phones come back at once after a crash, and each has a text waiting: none is lost, none comes twice."""

import asyncio
from typing import Any

from support.fleet import Fleet
from support.service import opened, phone_of

PHONES = 200
"""A tenth of the bench's (`python -m bench storm`)."""
USERS = [str(5000 + number) for number in range(PHONES)]


def _with_phones(document: dict[str, Any]) -> None:
    document["tenants"][0]["sip_accounts"] += [
        {"user": user, "password": f"pw{user}", "identity": {"kind": "name", "value": "ACME"}}
        for user in USERS
    ]


async def test_a_storm_of_registrations_after_a_crash() -> None:
    async with opened(change=_with_phones) as stage:
        async with phone_of(stage, "101") as writer:
            for user in USERS:
                assert await writer.message(user, f"for {user}") == 202
        await stage.serve.kill()
        await stage.serve.start()
        async with Fleet(stage.sip_port, USERS, lambda user: f"pw{user}") as fleet:
            took = await fleet.register()
            assert len(took) == PHONES, "everybody is registered"
            assert took[-1] < 10
            async with asyncio.timeout(30):
                while fleet.without:
                    await asyncio.sleep(0.1)
            assert [phone.got.texts for phone in fleet.phones] == [[f"for {user}"] for user in USERS]
            await fleet.register()
            await asyncio.sleep(1)
            assert fleet.twice == []
            assert [len(phone.got.texts) for phone in fleet.phones] == [1] * PHONES, (
                "nor after one more REGISTER"
            )
