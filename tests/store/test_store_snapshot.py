"""The Directory shows all configuration, follows every change within seconds, and survives rows it can't read."""

import asyncio

import pytest
from sqlalchemy import text

from voip_sms.core.directory import Identity, Rate
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.store import holder as holder_module
from voip_sms.store import migrate, snapshot
from voip_sms.store.config import (
    bump_generation,
    current_generation,
    delete_row,
    insert_row,
    read_all,
    read_rows,
    update_row,
)
from voip_sms.store.database import open_database
from voip_sms.store.holder import DirectoryHolder
from voip_sms.store.reader import Reader
from voip_sms.store.snapshot import load

ACME, OTHER = b"acme" * 4, b"othr" * 4


def key(n):
    return n.to_bytes(16)


IDENTITY = {"identity_kind": "name", "identity_value": "ACME"}
ROWS = [
    ("tenant", {"id": ACME, "name": "acme", "price_list": "std", "transliterate": "auto"}),
    ("tenant", {"id": OTHER, "name": "other", "enabled": False, "blocked_inbound": True}),
    ("carrier", {"name": "sim", "kind": "smpp", "settings": {"host": "127.0.0.1", "window": 10}}),
    ("route", {"prefix": "+4", "carrier": "sim"}),
    ("route", {"prefix": "+48", "carrier": "alt", "priority": 2}),
    ("route", {"prefix": "+48", "carrier": "sim", "priority": 1}),
    ("price_list", {"name": "std", "valid_from": 10, "currency": "PLN"}),
    ("price_list", {"name": "std", "valid_from": 20, "currency": "PLN"}),
    ("rate", {"price_list": "std", "valid_from": 10, "prefix": "+48", "amount": 290_000}),
    ("rate", {"price_list": "std", "valid_from": 20, "prefix": "+48", "amount": 300_000}),
    ("pool", {"name": "pl", "carrier": "sim", "window_us": 7}),
    ("pool_number", {"e164": "+48799000001", "pool": "pl"}),
    ("pool_number", {"e164": "+48799000002", "pool": "pl"}),
    ("api_key", {"id": key(1), "tenant_id": ACME, "name": "app", "hash": b"h" * 32, "hint": "test",
                 "scopes": ["messages"], "created_at": 1, **IDENTITY}),
    ("sip_account", {"id": key(2), "tenant_id": ACME, "user": "101", "ha1": {"MD5": "aa"}, "language": "pl",
                     "identity_kind": "2way", "identity_value": "pl", "abroad": "random"}),
    ("mail_sender", {"id": key(3), "tenant_id": ACME, "address": "a@b.test", "options": {}, **IDENTITY}),
    ("sender_name", {"id": key(4), "tenant_id": ACME, "name": "ACME", "status": "approved"}),
    ("number", {"id": key(5), "tenant_id": ACME, "e164": "+48601000001", "kind": "own_mobile", "carrier": "sim"}),
    ("forward", {"id": key(6), "tenant_id": ACME, "number": "+48601000001", "kind": "sip", "targets": ["101"],
                 "events": [], "created_at": 1}),
    ("forward", {"id": key(7), "tenant_id": ACME, "number": None, "kind": "webhook", "targets": ["http://x"],
                 "events": ["message.sent"], "secret": "s", "created_at": 1}),
    ("blacklist", {"id": key(8), "tenant_id": ACME, "match": "prefix", "value": "+48600", "created_at": 1}),
    ("contact_group", {"id": key(9), "tenant_id": ACME, "name": "staff", "numbers": ["+48601000002"]}),
]  # fmt: skip


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    with database.writer.begin() as connection:
        for table, row in ROWS:
            insert_row(connection, table, row)
        bump_generation(connection)
    yield database
    database.close()


def loaded(database):
    with database.reader.begin() as connection:
        return load(connection)


def test_everything_is_in_it(database):
    directory = loaded(database)
    assert directory.generation == 1
    assert directory.tenants[ACME].transliterate == "auto"
    assert directory.tenants[ACME].enabled is True
    assert (directory.tenants[OTHER].enabled, directory.tenants[OTHER].blocked_inbound) == (False, True)
    app = directory.keys[b"h" * 32]
    assert (app.ref, app.identity, app.scopes) == ("key:app", Identity("name", "ACME"), {"messages"})
    phone = directory.sip["101"]
    assert (phone.ha1, phone.account.ref, phone.account.language) == ({"MD5": "aa"}, "sip:101", "pl")
    assert (phone.account.identity, phone.account.abroad) == (Identity("2way", "pl"), "random")
    assert {account.ref for account in directory.accounts.values()} == {"key:app", "sip:101", "mail:a@b.test"}
    assert directory.names[ACME, "ACME"].status == "approved"
    assert directory.numbers["+48601000001"].tenant_id == ACME
    assert directory.pools["pl"].numbers == ("+48799000001", "+48799000002")
    assert directory.pool_of == {"+48799000001": "pl", "+48799000002": "pl"}
    assert directory.carriers["sim"].settings == {"host": "127.0.0.1", "window": 10}
    assert [(route.prefix, route.carrier) for route in directory.routes] == [
        ("+48", "sim"), ("+48", "alt"), ("+4", "sim")]  # fmt: skip
    assert [(one.valid_from, one.rates) for one in directory.prices["std"]] == [
        (20, (Rate("+48", 300_000),)), (10, (Rate("+48", 290_000),))]  # fmt: skip
    assert [rule.targets for rule in directory.forwards["+48601000001"]] == [("101",)]
    assert [rule.events for rule in directory.subscriptions[ACME]] == [{"message.sent"}]
    assert [rule.value for rule in directory.blocks[ACME]] == ["+48600"]
    assert directory.groups[ACME, "staff"] == ("+48601000002",)


# --- rows that can't be read --------------------------------------------------------------------------------

# What a hand at the database may leave; SQLite takes anything, PostgreSQL at least unknown words.
BROKEN = {
    "an account": ("UPDATE sip_account SET identity_kind = 'nonsense'", lambda found: "101" not in found.sip),
    "a number": ("UPDATE number SET kind = 'nonsense'", lambda found: not found.numbers),
    "a block": ("UPDATE blacklist SET match = 'nonsense'", lambda found: found.tenants[ACME].blocked_inbound),
    "scopes": ("UPDATE api_key SET scopes = '{\"a\": 1}'", lambda found: not found.keys),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_unreadable_row_grants_nothing_and_disturbs_nobody_else(database, what, capsys):
    statement, closed = BROKEN[what]
    with database.writer.begin() as connection:
        connection.execute(text(statement.replace(":", r"\:")))
    directory = loaded(database)
    assert closed(directory)
    assert directory.names
    assert directory.groups[ACME, "staff"] == ("+48601000002",)
    assert "configuration_row_unreadable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "closed"),
    [
        ("UPDATE sip_account SET ha1 = '{broken'", lambda found: not found.sip),
        ("UPDATE forward SET targets = '[1' WHERE number IS NOT NULL", lambda found: not found.forwards),
        ("UPDATE rate SET amount = 'dear' WHERE valid_from = 20", lambda found: not found.prices),
        ("UPDATE pool SET window_us = 'long'", lambda found: not found.pools and not found.pool_of),
    ],
)
def test_what_only_sqlite_lets_in(sqlite_url, statement, closed):
    database = open_database(sqlite_url)
    migrate.upgrade(database.writer)
    with database.writer.begin() as connection:
        for table, row in ROWS:
            insert_row(connection, table, row)
        connection.exec_driver_sql(statement)
    directory = loaded(database)
    assert closed(directory)
    assert directory.tenants
    database.close()


# --- following changes --------------------------------------------------------------------------------------


@pytest.fixture
async def holder(database):
    reader = Reader(database.reader)
    seen = []
    holder = DirectoryHolder(reader, lambda directory: seen.append(directory.generation))
    holder.seen = seen
    yield holder
    await holder.stop()
    reader.close()


def rename(database, name):
    with database.writer.begin() as connection:
        assert update_row(connection, "tenant", {"id": ACME}, {"name": name})
        return bump_generation(connection)


async def test_a_change_is_in_force_at_once_when_asked_and_soon_when_not(database, holder, monkeypatch):
    monkeypatch.setattr(holder_module, "POLL_SECONDS", 0.05)
    assert not holder.current().tenants
    await holder.start()
    assert holder.current().tenants[ACME].name == "acme"
    rename(database, "renamed")
    directory = await holder.refresh_now()
    assert directory is holder.current()
    assert directory.tenants[ACME].name == "renamed"
    rename(database, "by another process")
    for _ in range(100):
        await asyncio.sleep(0.05)
        if holder.current().generation == 3:
            break
    assert holder.current().tenants[ACME].name == "by another process"
    assert holder.seen == [1, 2, 3]


async def test_nothing_is_loaded_while_nothing_changed(database, holder):
    await holder.start()
    before = holder.current()
    assert await holder.refresh_now() is before


async def test_the_last_good_picture_stays_while_the_database_fails(database, holder, monkeypatch, capsys):
    monkeypatch.setattr(holder_module, "POLL_SECONDS", 0.02)
    await holder.start()
    before = holder.current()
    monkeypatch.setattr(holder_module, "load", _unavailable)
    rename(database, "unseen")
    while "directory_not_refreshed" not in capsys.readouterr().out:
        await asyncio.sleep(0.02)
    assert holder.current() is before
    monkeypatch.setattr(holder_module, "load", snapshot.load)
    await holder.refresh_now()
    assert holder.current().tenants[ACME].name == "unseen"


def _unavailable(_connection):
    raise StoreUnavailableError


# --- rows by natural key ------------------------------------------------------------------------------------


def test_rows_are_reached_by_their_natural_key_and_their_tenant_alone(database):
    mine = {"tenant_id": ACME, "name": "ACME"}
    theirs = {"tenant_id": OTHER, "name": "ACME"}
    with database.writer.begin() as connection:
        assert not update_row(connection, "sender_name", theirs, {"status": "rejected"})
        assert not delete_row(connection, "sender_name", theirs)
        assert read_rows(connection, "sender_name", OTHER) == []
        assert update_row(connection, "sender_name", mine, {"status": "rejected"})
        assert [row["status"] for row in read_rows(connection, "sender_name", ACME)] == ["rejected"]
        assert delete_row(connection, "sender_name", mine)
        assert read_all(connection, "sender_name") == []


@pytest.mark.parametrize("change", [lambda *given: update_row(*given, {"status": "x"}), delete_row])
@pytest.mark.parametrize("natural_key", [{}, {"name": "ACME"}, {"name": "ACME", "tenant_id": None}])
def test_a_tenants_rows_are_never_touched_without_the_tenant(database, change, natural_key):
    with database.writer.begin() as connection, pytest.raises(ValueError, match="tenant_id"):
        change(connection, "sender_name", natural_key)


def test_only_configuration_is_reached(database):
    with database.writer.begin() as connection, pytest.raises(ValueError, match="ledger"):
        read_all(connection, "ledger")


def test_every_change_has_its_own_generation(database):
    with database.writer.begin() as connection:
        assert bump_generation(connection) == 2
        assert bump_generation(connection) == 3
        assert current_generation(connection) == 3
