"""What happened that people may wish to be told of (W5): rows of `notice`, written with what happened.

The chore `notices` makes hand-overs of them, one for each person and way that they chose.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from voip_sms.core.directory import Id
from voip_sms.core.people import Notice
from voip_sms.core.quotas import Gauge
from voip_sms.store.units import Row


def limit_rows(
    tenant_id: Id, used_up: Iterable[tuple[Gauge, int]], now: int, new_id: Callable[[], Id]
) -> Iterator[tuple[str, Row]]:
    """Limits that are used up with this message. One caller's is that caller's affair: a day has many."""
    for gauge, _ in used_up:
        if gauge.whose == "caller":
            continue
        about = {
            "whose": gauge.whose,
            "of": gauge.scope.partition(":")[2],
            "period": gauge.period.name,
            "limit": gauge.limit,
            "until": gauge.period.until,
        }
        yield "notice", _row(new_id(), tenant_id, "limit_reached", about, now)


def approved_row(name: Mapping[str, Any], notice_id: Id, now: int) -> Row:
    """A sender name (its row) is approved."""
    return _row(notice_id, name["tenant_id"], "name_approved", {"sender": name["name"]}, now)


def _row(notice_id: Id, tenant_id: Id, kind: Notice, about: Mapping[str, Any], now: int) -> Row:
    return {"id": notice_id, "tenant_id": tenant_id, "kind": kind, "about": about, "at": now}
