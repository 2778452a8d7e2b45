"""API and panel as the service wires them: two customers, an operator, their people; no carriers run.

Its time is the machine's: where a test moves the clock, `panel_office.py` has the panel alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy import Connection, select

from support.fakes import FakeClock
from support.office import Office
from support.panel import Seen, Visitor
from support.people import PASSWORD, PEOPLE
from voip_sms.app.build import Ground, House, build, lay_ground
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Id
from voip_sms.core.people import User
from voip_sms.doors.panel.door import PanelDoor
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.people.rows import Visit
from voip_sms.store.database import Database, open_database
from voip_sms.store.tables import metadata

KEY = b"k" * 32


def token_of(seen: Seen) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', seen.html)
    assert found is not None, seen.page.text[:400]
    return found[1]


@dataclass
class PanelHouse:
    """`open` it, `close` it. `people` are `support.people`'s; operators' and customers' objects `Office`'s."""

    database: Database
    ground: Ground
    house: House
    address: str
    _visitors: list[Visitor] = field(default_factory=list)

    @classmethod
    async def open(
        cls, url: str, folder: Path, panel: Mapping[str, Any] | None = None, more: object = None
    ) -> Self:
        """`url`: of a database at head, without rows; `panel`: the `[panel]` section; `more`: applied too."""
        structlog.configure(  # short: what goes wrong is a page of locals otherwise
            processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
            cache_logger_on_first_use=False,
        )
        office = await Office.open(url, FakeClock())
        faults = await office.apply(PEOPLE)
        if more is not None:
            faults += await office.apply(more)
        await office.close()
        assert not faults, faults
        database = open_database(url)
        sections = {
            "service": {"data_dir": str(folder)},
            "database": {"url": url},
            "http": {"listen": "127.0.0.1:0"},
            "panel": dict(panel or {}),
        }
        settings = Settings.model_validate(sections)
        ground = lay_ground(settings, database)
        ground.writer.start()
        await ground.holder.start()
        house = build(settings, ground, KEY)
        house.missing.clear()
        return cls(database, ground, house, await house.http.start())

    async def close(self) -> None:
        for one in self._visitors:
            await one.close()
        if self.house.panel is not None:
            await self.house.panel.stop()
        self.house.http._runner._shutdown_timeout = 0.5  # who is kept back for guessing isn't waited for
        await self.house.http.stop()
        await self.house.guarded.close()
        await self.ground.holder.stop()
        await self.ground.writer.stop()
        self.ground.reader.close()
        self.database.close()
        structlog.reset_defaults()

    @property
    def door(self) -> PanelDoor:
        assert self.house.panel is not None
        return self.house.panel

    @property
    def rooms(self) -> Rooms:
        """The use cases that the panel has."""
        return self.door.rooms

    def tenant(self, name: str) -> Id:
        (found,) = [one.id for one in self.ground.holder.current().tenants.values() if one.name == name]
        return found

    async def visitor(self, mail: str = "", language: str = "en") -> Visitor:
        """Somebody at the panel, signed in as `mail`; "" is nobody."""
        made = Visitor(self.address, language)
        self._visitors.append(made)
        if mail:
            await made.sign_in(mail, PASSWORD)
        return made

    async def user_of(self, visitor: Visitor) -> User:
        """Who this browser is."""
        there = await self.rooms.sessions.find(visitor.cookies["sms"], Visit("127.0.0.1"))
        assert there is not None
        return there.user

    async def everything(self) -> dict[str, list[str]]:
        """All rows of all tables, as texts, without what a look notes of itself: when the session was seen,
        and up to where this person has read a conversation.
        """
        return await self.ground.reader.run(_everything)


def _everything(connection: Connection) -> dict[str, list[str]]:
    found = {}
    for table in metadata.sorted_tables:
        if table.name == "peer_reading":
            continue
        columns = [one for one in table.columns if one.name != "seen_at"]
        found[table.name] = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
    return found
