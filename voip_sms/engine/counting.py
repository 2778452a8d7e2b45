"""Messages counted in the writer against limits: rows of `usage`, whatever door they came by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from voip_sms.core.directory import Id
from voip_sms.core.quotas import Gauge, Spending
from voip_sms.store.units import PrimaryKey, Read, Row, Rows, State, by_key

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": ("tenant_id", "scope", "period"),
    "mail_thread": ("tenant_id", "account", "peer"),
}


def count_reads(tenant_id: Id, gauges: Iterable[Gauge]) -> Iterator[Read]:
    """The rows that say how much of each is used."""
    for gauge in gauges:
        yield by_key("usage", tenant_id, gauge.scope, gauge.period.key)


class Counting:
    """The counts of one decision: `check` and `take` for each message, `flush` at the end."""

    def __init__(self, tenant_id: Id, gauges: Sequence[Gauge], state: State) -> None:
        """What `count_reads` of the same gauges names must have been read."""
        self._tenant_id = tenant_id
        self._rows = {gauge: state.get("usage", tenant_id, gauge.scope, gauge.period.key) for gauge in gauges}
        used = {gauge: int(row["n"]) for gauge, row in self._rows.items() if row is not None}
        self._spending = Spending(gauges, used)

    def check(self) -> None:
        """Whether one more may be sent: LimitReachedError."""
        self._spending.check()

    def take(self) -> None:
        """One message more."""
        self._spending.take()

    def flush(self, rows: Rows) -> Sequence[tuple[Gauge, int]]:
        """Write what was counted; the limits that are used up now, with their counts."""
        if not self._spending.taken:
            return ()
        up = self._spending.used_up()
        for gauge, count in self._spending.used.items():
            told = {"told": True} if gauge in up else {}
            changes: Row = {"n": count, "until": gauge.period.until, **told}
            key = (self._tenant_id, gauge.scope, gauge.period.key)
            put(rows, self._rows[gauge], "usage", key, changes)
        return [(gauge, self._spending.used[gauge]) for gauge in up]


def put(rows: Rows, before: Mapping[str, Any] | None, table: str, key: PrimaryKey, columns: Row) -> None:
    """Insert the row, or change it if it was there `before`."""
    if before is None:
        names = dict(zip(_KEYS[table], key, strict=True))
        rows.inserts.append((table, {**names, **columns}))
    else:
        rows.updates.append((table, key, columns))
