"""Killed with -9 while texts fall back from phones that are off: each goes to its mailbox and number once."""

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from support.service import everything, opened
from voip_sms.demo.clients import until
from voip_sms.demo.stage import SECOND, SQLITE, Stage

TEXTS = 30
KILLS = 5
TYPIST = "+48605555555"
BOSS, MOBILE = "boss@example.test", "+48602000009"


def configured(document: dict[str, Any]) -> None:
    """What is texted to the second number rings at two accounts, of which each falls back elsewhere."""
    (acme,) = document["tenants"]
    acme["credit"] = "1000.00"
    acme["numbers"][1]["forwards"] = [{"kind": "sip", "to": ["101", "102"]}]
    acme["sip_accounts"][0]["fallback"] = {"after": "1m", "mail": BOSS}
    acme["sip_accounts"][1]["fallback"] = {"after": "1m", "number": MOBILE, "verified": True}


def minutes_pass(stage: Stage) -> None:
    """The hour of the fallback has come, and of everything that waits for another try."""
    with closing(sqlite3.connect(stage.folder / "var/voip-sms.db")) as file:
        file.execute("UPDATE forward_job SET created_at = created_at - 120000000 WHERE kind = 'sip'")
        file.execute("UPDATE forward_job SET due_at = 0 WHERE state = 'queued'")
        file.execute("UPDATE part SET due_at = 0 WHERE state = 'queued'")
        file.commit()


def states(stage: Stage) -> Counter[tuple[str, str]]:
    with closing(sqlite3.connect(stage.folder / "var/voip-sms.db", timeout=10)) as file:
        return Counter(file.execute("SELECT kind, state FROM forward_job").fetchall())


async def test_each_text_goes_elsewhere_once_however_often_the_service_dies() -> None:
    chance = random.Random(20261122)
    async with opened(SQLITE, configured) as stage:
        texts = [f"text {number}" for number in range(TEXTS)]
        for text in texts:
            await stage.handsets.send(TYPIST, SECOND, text)

        async def stored() -> bool:
            return len(await everything(stage, "inbound")) == TEXTS

        await until(stored, "not all texts came in", 30)
        await stage.serve.kill()
        minutes_pass(stage)
        for _ in range(KILLS):
            await stage.serve.start()
            await asyncio.sleep(chance.uniform(0, 0.2))
            await stage.serve.kill()
        minutes_pass(stage)
        await stage.serve.start()
        wanted = {("sip", "fell_back"): 2 * TEXTS, ("mail", "done"): TEXTS, ("number", "done"): TEXTS}

        async def all_fell() -> bool:
            return states(stage) == wanted

        await until(all_fell, f"not all fell back: {states(stage)}", 60)

        mails = {mail.message["Message-ID"]: mail for mail in stage.mail.to(BOSS)}
        assert sorted(mail.text.splitlines()[0] for mail in mails.values()) == sorted(texts)
        paid = [one for one in await everything(stage) if one["to"] == MOBILE]
        assert sorted(one["text"].rpartition(": ")[2] for one in paid) == sorted(texts), "paid once each"
        shown = await stage.api.get(
            f"/v1/messages/{(await everything(stage, 'inbound'))[0]['id']}/deliveries"
        )
        assert sorted((one["kind"], one["instead_of"]) for one in shown["data"] if one["instead_of"]) == [
            ("mail", "101"),
            ("number", "102"),
        ]
