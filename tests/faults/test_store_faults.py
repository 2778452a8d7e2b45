"""The store away in every way that a store goes: 503 with Retry-After on both doors, and back without a restart."""

import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from outage import Customers

from support import peers
from support.postgres import PostgresServer
from support.service import opened
from voip_sms.demo.stage import SQLITE

AWAY = 6.0
"""Seconds without a store: longer than every wait within the service."""


async def test_sqlite_locked_by_another_program():
    async with opened(SQLITE) as stage, Customers(stage) as customers:
        with closing(sqlite3.connect(stage.folder / "var/voip-sms.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await customers.send_for(AWAY)
            assert not await customers.ready()
            assert len(customers.ledger.acknowledged) == 2  # those of the start: nothing got through
        await customers.served_again()
        await customers.settle()


async def test_sqlite_on_a_full_disk(small_disk):
    async with opened(f"sqlite:///{small_disk}/voip-sms.db") as stage, Customers(stage) as customers:
        filler = fill(small_disk)
        await customers.send_for(AWAY)
        assert not await customers.ready()
        assert len(customers.refused) > 10
        assert (await stage.api.call("GET", "/v1/balance"))[0] == 200  # reading needs no room
        filler.unlink()
        await customers.served_again()
        await customers.settle()
        assert stage.serve.running


async def test_no_file_may_grow():
    """The log's disk is full too: not even complaining works."""
    async with opened(SQLITE) as stage, Customers(stage) as customers:
        resource.prlimit(stage.serve.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await customers.send_for(AWAY)
        assert not await customers.ready()
        assert len(customers.refused) > 10
        resource.prlimit(stage.serve.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await customers.served_again()
        await customers.settle()
        assert stage.serve.running


@pytest.mark.peer("postgresql")
async def test_postgresql_hangs(server):
    """Its processes stand still: connections stay open, and nothing is ever answered."""
    async with opened(server.fresh_database()) as stage, Customers(stage) as customers:
        with frozen(server):
            await customers.send_for(AWAY)
            assert not await customers.ready()
            assert len(customers.ledger.acknowledged) == 2
            assert (await stage.api.call("GET", "/v1/messages"))[0] == 503
        await customers.served_again()
        await customers.settle()


@pytest.mark.peer("postgresql")
async def test_postgresql_restarts(server):
    async with opened(server.fresh_database()) as stage, Customers(stage) as customers:
        server.end_process(signal.SIGINT)
        await customers.send_for(AWAY)
        assert not await customers.ready()
        assert len(customers.ledger.acknowledged) == 2
        server.start_again()
        await customers.served_again()
        await customers.settle()


@pytest.mark.peer("postgresql")
async def test_a_stop_without_a_database(server):
    """It ends in time and in order; what it could not write down is found at the next start."""
    async with opened(server.fresh_database()) as stage, Customers(stage) as customers:
        await stage.handsets.fault("latency", ms=300)
        await customers.send_for(0.5)
        server.end_process(signal.SIGINT)
        assert await stage.serve.stop() == 0
        server.start_again()
        await stage.handsets.heal()
        await stage.serve.start()
        await customers.served_again()
        await customers.settle()


# --- faults -------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        peers.missing("disk", f"a small disk needs root to be mounted ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room at all."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own, to be mistreated."""
    server = PostgresServer().start()
    yield server
    server.stop()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Every process of the server stands still."""
    pids = [server.pid, *children(server.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
