"""Fixtures for every kind of test: both databases, sinks, and the rule for missing peers."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web_app

from support import peers
from support.fakes import FakeClock, FakeIds
from support.memory import work_in_memory
from support.postgres import PostgresServer
from voip_sms.demo.hook_sink import HookSink
from voip_sms.demo.mail_sink import MailSink
from voip_sms.store import migrate
from voip_sms.store.database import open_database

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))


def pytest_configure() -> None:
    work_in_memory()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        peers.need(*marker.args)


def pytest_runtest_teardown() -> None:
    """aiohttp keeps what it found for the last 1,024 handlers, and with them their servers: 4 MB each."""
    web_app._cached_build_middleware.cache_clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it aloud when the run left out what only real components show."""
    skipped = [report for report in terminalreporter.getreports("skipped") if "peer " in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f"!! {len(skipped)} tests SKIPPED: components from outside are missing (see above)",
            red=True,
            bold=True,
        )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> FakeIds:
    return FakeIds()


@pytest.fixture(scope="session")
def pg_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run."""
    peers.need("postgresql")
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture
def pg_url(pg_server: PostgresServer) -> Iterator[str]:
    """A fresh, empty database: postgresql://voip_sms@127.0.0.1:port/name."""
    url = pg_server.fresh_database()
    yield url
    pg_server.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a fresh SQLite file will be: sqlite:////…/voip-sms.db."""
    return f"sqlite:///{tmp_path / 'voip-sms.db'}"


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The same test on SQLite and on PostgreSQL, each time with a fresh, empty database."""
    fixture = "sqlite_url" if request.param == "sqlite" else "pg_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session")
def pg_head(pg_server: PostgresServer) -> str:
    """The name of a migrated database: copying it takes a tenth of migrating one."""
    url = pg_server.fresh_database()
    _migrate(url)
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def sqlite_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    file = tmp_path_factory.mktemp("head") / "voip-sms.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same test on SQLite and on PostgreSQL, each time with a fresh database at head, without rows."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        shutil.copy(request.getfixturevalue("sqlite_head"), url.removeprefix("sqlite:///"))
        yield url
        return
    server: PostgresServer = request.getfixturevalue("pg_server")
    url = server.fresh_database(request.getfixturevalue("pg_head"))
    yield url
    server.drop(url)


def _migrate(url: str) -> None:
    database = open_database(url)
    migrate.upgrade(database.writer)
    database.close()


@pytest.fixture
async def mail_sink() -> AsyncIterator[MailSink]:
    async with MailSink() as sink:
        yield sink


@pytest.fixture
async def hook_sink() -> AsyncIterator[HookSink]:
    async with HookSink() as sink:
        yield sink
