"""Fixtures for every kind of test: both databases, sinks, and the rule for missing peers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support import peers
from support.fakes import FakeClock, FakeIds
from support.postgres import PostgresServer
from voip_sms.demo.hook_sink import HookSink
from voip_sms.demo.mail_sink import MailSink

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        peers.need(*marker.args)


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
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test on SQLite and on PostgreSQL, each time with a fresh, empty database."""
    fixture = "sqlite_url" if request.param == "sqlite" else "pg_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
async def mail_sink() -> AsyncIterator[MailSink]:
    async with MailSink() as sink:
        yield sink


@pytest.fixture
async def hook_sink() -> AsyncIterator[HookSink]:
    async with HookSink() as sink:
        yield sink
