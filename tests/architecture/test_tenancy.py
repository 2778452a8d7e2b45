"""Every row belongs to a tenant or to the operator, and every read of the store says whose rows it wants."""

import importlib
import inspect
import pkgutil

import pytest

from voip_sms import store
from voip_sms.store.tables import OPERATOR_TABLES, metadata

# Modules whose functions take a connection: for each, what may be asked without a tenant, and why.
WITHOUT_A_TENANT = {
    "resolve": None,  # finds the tenant where only something else is known
    "oversight": None,  # the operator's: opened by its keys only (test_api_oversight)
    "tally": None,  # what carriers carried and how full pools are: the operator's
    "snapshot": None,  # all configuration at once, for the process itself
    "migrate": None,  # the schema
    "database": None,  # connections
    "secret": None,  # the installation's own
    "batch": None,  # carries out units, whose decisions name the tenant in their rows
    "bulk": None,
    "config": {
        "bump_generation", "current_generation", "read_all",  # the operator's
        "insert_row", "update_row", "delete_row",  # refuse a tenant's row without tenant_id (test_store_snapshot)
    },
    # entries name their chain; which chains there are, and what is in all of them, is the operator's to see
    "audit": {"record", "unsealed", "chains", "page_of_everybodys"},
    "people": {"registration", "decide_registration", "add"},  # nobody's yet; rows that name their tenant
    "notices": {"moved_balances"},  # finds the tenants that are to be told, and nothing of theirs
    "catalog": {"lock", "insert_rows"},  # one row of the operator's; rows that name their tenant themselves
}  # fmt: skip


@pytest.mark.parametrize("table", metadata.tables.values(), ids=lambda table: table.name)
def test_every_table_has_an_owner(table):
    if table.name in OPERATOR_TABLES:
        return
    assert "tenant_id" in table.columns, "neither tenant_id nor in OPERATOR_TABLES"
    assert not table.columns.tenant_id.nullable


def test_no_operator_table_is_forgotten_or_invented():
    assert set(metadata.tables) >= OPERATOR_TABLES
    assert not [name for name in OPERATOR_TABLES if "tenant_id" in metadata.tables[name].columns]


def readers():
    """Public functions of the store that take a connection."""
    for module in pkgutil.iter_modules(store.__path__):
        if module.ispkg:
            continue
        loaded = importlib.import_module(f"voip_sms.store.{module.name}")
        for name, function in vars(loaded).items():
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            if (
                function.__module__ == loaded.__name__
                and "connection" in inspect.signature(function).parameters
            ):
                yield module.name, name, function


def test_every_read_takes_the_tenant():
    found = list(readers())
    assert {"get_message", "get_balance", "read_rows"} <= {name for _, name, _ in found}
    leaking = []
    for module, name, function in found:
        allowed = WITHOUT_A_TENANT.get(module, set())
        if allowed is None or name in allowed:
            continue
        tenant = inspect.signature(function).parameters.get("tenant_id")
        if tenant is None or tenant.default is not inspect.Parameter.empty:
            leaking.append(f"{module}.{name}")
    assert leaking == []


def test_the_exceptions_still_exist():
    there = {(module, name) for module, name, _ in readers()}
    stale = [
        f"{module}.{name}"
        for module, names in WITHOUT_A_TENANT.items()
        for name in names or ()
        if (module, name) not in there
    ]
    assert stale == []
