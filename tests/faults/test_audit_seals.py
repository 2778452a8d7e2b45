"""Sealing the audit log: killed at any moment it goes on where it was, and several nodes make one chain."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from support.fakes import START, FakeClock, FakeIds
from support.postgres import PostgresServer
from voip_sms.app.audit import verified
from voip_sms.core.audit import By, Entry
from voip_sms.core.clock import MINUTE
from voip_sms.core.directory import NO_TENANT, Directory, Id
from voip_sms.engine.chores.seals import Seals
from voip_sms.engine.context import Context
from voip_sms.store.audit import chain_head, record, seal_chain
from voip_sms.store.database import Database, open_database
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer

TENANT = b"T" * 16
ENTRIES = 400
AT_A_TIME = 20
KILLS = 6
# Seals a few entries at a time, and says before and after each commit how many it has done.
SEALER = f"""
import sys
from voip_sms.store.audit import seal_chain
from voip_sms.store.database import open_database
database = open_database(sys.argv[1])
done = {AT_A_TIME}
while done:
    with database.writer.begin() as connection:
        done = seal_chain(connection, {TENANT!r}, {AT_A_TIME})
        print("sealing", done, flush=True)
        sys.stdin.readline()
    print("sealed", done, flush=True)
    sys.stdin.readline()
"""


def entry(number: int, tenant_id: Id = TENANT) -> Entry:
    by = By("key:app", "api")
    return Entry(
        number.to_bytes(16),
        tenant_id,
        START,
        by,
        "added",
        "blacklist",
        f"entry {number}",
        "",
        {},
        {"n": number},
    )


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


def whole(database: Database, count: int, chains: int = 1) -> None:
    proofs, _ = verified(database, START + MINUTE)
    assert [proof.faults for proof in proofs] == [[]] * chains
    assert [(proof.head.seq, proof.unsealed) for proof in proofs] == [(count, 0)] * chains


class Sealer:
    """A process that seals, stopped before and after each of its commits."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SEALER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def says(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.communicate(timeout=10)


def test_killed_while_it_seals_it_seals_each_entry_once(database_url: str) -> None:
    with opened(database_url) as database:
        with database.writer.begin() as connection:
            record(connection, [entry(number) for number in range(1, ENTRIES + 1)])
        sealed = 0
        for kill in range(KILLS):
            with closing(Sealer(database_url)) as sealer:
                for step in range(kill):
                    assert sealer.says() == f"{'sealed' if step % 2 else 'sealing'} {AT_A_TIME}"
                    sealed += AT_A_TIME * (step % 2)
                    sealer.go_on()
                assert sealer.says()  # and dies there, before or after a commit
                sealed += AT_A_TIME * (kill % 2)
            with database.reader.connect() as connection:
                head = chain_head(connection, TENANT)
            assert (0 if head is None else head.seq) == sealed
        with closing(Sealer(database_url)) as sealer:
            while sealer.says() not in {"sealed 0", ""}:
                sealer.go_on()
        whole(database, ENTRIES)


@pytest.mark.peer("postgresql")
async def test_two_nodes_that_seal_at_once_make_one_chain(
    pg_server: PostgresServer, pg_head: str, clock: FakeClock
) -> None:
    url = pg_server.fresh_database(pg_head)
    nodes = [Node(url, clock) for _ in range(2)]
    with opened(url) as database:

        def write() -> None:
            for number in range(1, ENTRIES + 1, 4):
                with database.writer.begin() as connection:
                    some = [entry(one) for one in range(number, number + 4)]
                    others = [entry(ENTRIES + one, NO_TENANT) for one in range(number, number + 4)]
                    record(connection, some + others)

        writing = threading.Thread(target=write)
        for node in nodes:
            node.writer.start()
        writing.start()
        counts = [0, 0]

        async def seals(which: int) -> None:
            while writing.is_alive() or sum(counts) < 2 * ENTRIES:
                counts[which] += await Seals().run(nodes[which].context)

        async with asyncio.timeout(60):
            await asyncio.gather(seals(0), seals(1))
        writing.join()
        for node in nodes:
            await node.close()
        assert sum(counts) == 2 * ENTRIES, "each entry was sealed once"
        assert min(counts) > 0, "both took part"
        whole(database, ENTRIES, chains=2)
    pg_server.drop(url)


class Node:
    """What one process seals with."""

    def __init__(self, url: str, clock: FakeClock) -> None:
        self._database = open_database(url)
        self.writer = Writer(self._database.writer, lambda _topics: None)
        self._reader = Reader(self._database.reader)
        self.context = Context(self.writer, self._reader, Directory, clock, FakeIds().new, lambda: 0.5)

    async def close(self) -> None:
        await self.writer.stop()
        self._reader.close()
        self._database.close()


def test_a_seal_that_breaks_off_leaves_nothing_behind(database_url: str) -> None:
    with opened(database_url) as database:
        with database.writer.begin() as connection:
            record(connection, [entry(number) for number in range(1, 11)])
        with database.writer.connect() as connection, connection.begin() as transaction:
            assert seal_chain(connection, TENANT, 4) == 4
            transaction.rollback()
        for expected in (4, 4, 2, 0):
            with database.writer.begin() as connection:
                assert seal_chain(connection, TENANT, 4) == expected
        whole(database, 10)
