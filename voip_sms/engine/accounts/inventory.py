"""The configuration as rows in memory: what is there, and what it becomes while a change is planned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.engine.accounts.kinds import FORWARD, KINDS, NUMBER, POOL, TENANT, Kind, Row
from voip_sms.store.config import read_all, read_rows

Key = tuple[Any, ...]


class Inventory:
    """Rows by kind and natural key; tenants carry their balance, pools their numbers, as columns."""

    def __init__(self, rows: Mapping[str, Iterable[Row]], proven: Iterable[str] = ()) -> None:
        """`rows` by table; `proven`: phones that said the code which the tenant had sent to them."""
        self.proven = frozenset(proven)
        self._rows: dict[str, dict[Key, Row]] = {
            kind.table: {kind.key_of(row): row for row in rows.get(kind.table, ())} for kind in KINDS
        }
        self._names = {row["id"]: row["name"] for row in self.all(TENANT)}
        self._forwards: dict[tuple[Id, str | None], list[Row]] = defaultdict(list)
        for row in sorted(self.all(FORWARD), key=lambda row: row["id"]):
            self._forwards[row["tenant_id"], row["number"]].append(row)

    def all(self, kind: Kind) -> list[Row]:
        """Every row of a kind."""
        return list(self._rows[kind.table].values())

    def get(self, kind: Kind, key: Key) -> Row | None:
        """The row with this natural key (the tenant's id first, where the kind has one)."""
        return self._rows[kind.table].get(key)

    def of_tenant(self, kind: Kind, tenant_id: Id) -> list[Row]:
        """The tenant's rows of a kind."""
        return [row for row in self._rows[kind.table].values() if row["tenant_id"] == tenant_id]

    def forwards_of(self, tenant_id: Id, number: str | None) -> list[Row]:
        """The rules that one number had at first, or with None the tenant's subscriptions; oldest first."""
        return self._forwards.get((tenant_id, number), [])

    def tenant_named(self, name: str) -> Row | None:
        """The tenant of this name."""
        return self._rows[TENANT.table].get((name,))

    def tenant_name(self, tenant_id: Id) -> str:
        """What the operator calls a tenant, also one that is being removed."""
        return str(self._names.get(tenant_id, "?"))

    def put(self, kind: Kind, row: Row) -> None:
        """A new row."""
        self._rows[kind.table][kind.key_of(row)] = row
        if kind is TENANT:
            self._names[row["id"]] = row["name"]

    def drop(self, kind: Kind, row: Row) -> None:
        """A row goes."""
        self._rows[kind.table].pop(kind.key_of(row), None)

    def label(self, kind: Kind, row: Mapping[str, Any]) -> str:
        """How reports and errors call a row: `tenants[acme].sip_accounts[101]`."""
        if kind.table == "rate":
            return f"price_lists[{row['price_list']}].rates[{row['prefix']}]"
        if not kind.of_tenant:
            return f"{kind.name}[{' '.join(str(row[column]) for column in _shown(kind))}]"
        if row["tenant_id"] == NO_TENANT:  # somebody of the operator's own
            return f"operators[{' '.join(str(row[column]) for column in kind.key)}]"
        owner = f"tenants[{self.tenant_name(row['tenant_id'])}]"
        if kind is FORWARD:
            return owner + forward_label(row)
        return f"{owner}.{kind.name}[{' '.join(str(row[column]) for column in kind.key)}]"


def _shown(kind: Kind) -> tuple[str, ...]:
    return ("name",) if kind.table == "price_list" else kind.key


def forward_label(row: Mapping[str, Any]) -> str:
    """A forward within its tenant: `.numbers[+48…].forwards[sip 101]`, `.webhooks[https://…]`."""
    targets = ",".join(row["targets"])
    if row["number"] is None:
        return f".webhooks[{targets}]"
    return f".{NUMBER.name}[{row['number']}].forwards[{row['kind']} {targets}]"


def load(connection: Connection, tenant_id: Id | None = None, proven: Iterable[str] = ()) -> Inventory:
    """The whole configuration, or of the tenants' only what is this one's; `proven` as in `Inventory`."""
    rows = {
        kind.table: read_all(connection, kind.table)
        if tenant_id is None or not kind.of_tenant
        else read_rows(connection, kind.table, tenant_id)
        for kind in KINDS
    }
    balances = {row["tenant_id"]: row for row in read_all(connection, "balance")}
    for row in rows[TENANT.table]:
        balance = balances.get(row["id"], {})
        row.update({name: balance.get(name, 0) for name in ("credit", "reserved", "settled")})
        row["currency"] = balance.get("currency", "")
    numbers: dict[str, list[str]] = defaultdict(list)
    for row in read_all(connection, "pool_number"):
        numbers[row["pool"]].append(row["e164"])
    for row in rows[POOL.table]:
        row["numbers"] = sorted(numbers[row["name"]])
    return Inventory(rows, proven)
