"""A database full of messages, quickly: a month of them, to numbers of which a few are busy."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from support.traffic import inbound, row
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import Id
from voip_sms.core.ids import Ids
from voip_sms.store.database import Database
from voip_sms.store.tables import message, message_text

DAYS: Final = 30
AT_ONCE: Final = 10_000
"""Rows of one transaction: the service writes in between."""
DIALOGUES: Final = 40
"""Messages of one number, on average; a few have thousands."""
_DOORS: Final = ("api", "api", "api", "api", "api", "sip", "sip", "panel", "mail", "ivr")
_STATUSES: Final = ("delivered",) * 46 + ("sent", "failed", "undelivered", "expired")
_COLUMNS: Final = tuple(column.name for column in message.columns)


@dataclass(frozen=True, slots=True)
class Spread:
    """How a million messages lie: over a month, to numbers of which a few are busy."""

    now: int
    count: int
    chance: random.Random

    def moments(self) -> Iterator[int]:
        """When each was, oldest first; the last one a moment ago."""
        step = DAYS * DAY // self.count
        return iter(range(self.now - self.count * step, self.now, step))

    def peer(self) -> str:
        """The nearer to 0, the busier."""
        numbers = max(self.count // DIALOGUES, 2)
        return f"+4860{int(numbers * self.chance.random() ** 3):07}"

    def moment(self) -> int:
        """Any of the month."""
        return self.now - self.chance.randrange(DAYS * DAY)


class _Past:
    """A clock that stands where a message is put."""

    moment = 0

    def now(self) -> int:
        return self.moment


def fill(database: Database, tenant_id: Id, spread: Spread) -> None:
    """So many messages, a fifth of them received, with their texts."""
    clock = _Past()
    made, rows = Ids(clock, os.urandom), []
    for clock.moment in spread.moments():
        rows.append(_message(made.new(), tenant_id, clock.moment, spread))
        if len(rows) == AT_ONCE:
            _store(database, rows)
            rows = []
    _store(database, rows)
    if not database.is_sqlite:  # as its autovacuum has done to any database of that age
        with database.writer.connect() as connection:
            settled = connection.execution_options(isolation_level="AUTOCOMMIT")
            settled.execute(text("SET statement_timeout = 0"))
            settled.execute(text("VACUUM ANALYZE message, message_text"))


def _message(message_id: Id, tenant_id: Id, at: int, spread: Spread) -> dict[str, Any]:
    chance, peer = spread.chance, spread.peer()
    if chance.random() < 0.2:
        return inbound(message_id, tenant_id, at, peer)
    status = chance.choice(_STATUSES) if at < spread.now - HOUR else "sent"
    return row(message_id, tenant_id, at, recipient=peer, status=status, door=chance.choice(_DOORS))


def _store(database: Database, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    messages = [tuple(one[name] for name in _COLUMNS) for one in rows]
    texts = [(one["id"], one["tenant_id"], f"Your parcel {n} is waiting.") for n, one in enumerate(rows)]
    with database.writer.begin() as connection:
        _insert(connection, message.name, _COLUMNS, messages)
        _insert(connection, message_text.name, ("message_id", "tenant_id", "body"), texts)


def _insert(connection: Connection, table: str, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """As fast as the driver goes."""
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})', rows)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" ({", ".join(names)}) FROM STDIN') as copy:
        for one in rows:
            copy.write_row(one)
