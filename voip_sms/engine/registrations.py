"""Where phones can be reached: durable SIP bindings (RFC 3261 section 10), and what waits for them.

All changes go through the writer, so that two REGISTERs of one account never cross, and what a phone was told
is what is stored. A restart loses nothing but the connections themselves.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from voip_sms.core.directory import Account
from voip_sms.core.model import Binding
from voip_sms.engine.context import Context
from voip_sms.engine.events import phone_key
from voip_sms.store.resolve import live_bindings
from voip_sms.store.tables import forward_job
from voip_sms.store.units import Match, Row, Rows, Scan, State, Unit, by_key

CONTACTS: Final = 10
"""Bindings of one account: a person's phones. The one not refreshed for longest gives way to a new one."""

# Literal texts: a partial index is only used where its condition is seen to hold.
_HEAD = (
    select(forward_job)
    .where(forward_job.c.order_key == bindparam("key"), text("forward_job.state IN ('queued', 'sending')"))
    .order_by(forward_job.c.id)
    .limit(1)
    .with_for_update()
)


class StoredRegistrations:
    """`ports.Registrations`."""

    def __init__(
        self, context: Context, heard: Callable[[str, Sequence[Binding]], None] | None = None
    ) -> None:
        """`heard(user, live bindings)` is called after each REGISTER's commit."""
        self._context = context
        self._heard = heard

    async def register(self, account: Account, bindings: Sequence[Binding]) -> Sequence[Binding]:
        """Add, refresh or (expires_at <= now) remove bindings; the account's live ones then, newest first.

        Those of the same Call-ID with a CSeq not above the stored one change nothing (RFC 3261 10.3, 7).
        """
        now = self._context.clock.now()
        mine = _of(account)
        # The writer makes scans first: whoever is parking this job has finished before bindings are read.
        head = Scan("forward_job", _HEAD, {"key": phone_key(account.name)})

        def decide(state: State) -> Rows:
            registrar = _Registrar(account, state.find(mine), now)
            for one in bindings:
                registrar.take(one)
            rows = registrar.rows()
            if rows.result:
                _due_now(rows, state.scanned(head), now)
            return rows

        live: Sequence[Binding] = await self._do(decide, mine, head)
        if self._heard is not None:
            self._heard(account.name, live)
        return live

    async def announced(self, account: Account) -> None:
        """A phone registered at the proxy in front: what waits is due at once, also what is being tried."""
        now = self._context.clock.now()
        head = Scan("forward_job", _HEAD, {"key": phone_key(account.name)})

        def decide(state: State) -> Rows:
            rows = Rows()
            for job in state.scanned(head):
                # Of one under way the hour tells the end of its try that somebody came meanwhile.
                if job["state"] == "sending" or job["due_at"] > now:
                    rows.update("forward_job", (job["id"],), due_at=now)
                rows.wakes.add("forwards")
            return rows

        await self._do(decide, head)
        if self._heard is not None:
            self._heard(account.name, ())

    async def unregister_all(self, account: Account) -> None:
        """`Contact: *` with `Expires: 0`."""
        await self._remove(_of(account))

    async def bindings(self, account: Account) -> Sequence[Binding]:
        """The live bindings, newest first."""
        now = self._context.clock.now()
        mine = _of(account, lock=False)
        found: Sequence[Binding] = await self._do(lambda state: Rows(live(state.find(mine), now)), mine)
        return found

    async def everywhere(self, most: int) -> Sequence[Binding]:
        """Live bindings of all accounts, newest first, at most so many."""
        now = self._context.clock.now()
        return live(await self._context.reader.run(live_bindings, now, most), now)

    async def flow_died(self, flow: str) -> None:
        """A TCP/TLS connection is gone: its bindings are dropped."""
        if flow:
            await self._remove(Match("binding", ("flow",), (flow,)))

    async def drop(self, account: Account, contact: str, seen: Binding | None = None) -> None:
        """A contact answered 404 or 410: its binding is removed, unless it was registered since `seen`."""

        def as_seen(row: Mapping[str, Any]) -> bool:
            return seen is None or (row["call_id"], row["cseq"]) == (seen.call_id, seen.cseq)

        await self._remove(by_key("binding", account.id, contact), as_seen)

    # --- units ----------------------------------------------------------------------------------------------

    async def _remove(
        self, read: Match, concerns: Callable[[Mapping[str, Any]], bool] = lambda _: True
    ) -> None:
        def decide(state: State) -> Rows:
            rows = Rows()
            for row in filter(concerns, state.find(read)):
                rows.delete("binding", (row["account_id"], row["contact"]))
            return rows

        await self._do(decide, read)

    async def _do(self, decide: Callable[[State], Rows], *reads: Match | Scan) -> Any:
        return await self._context.writer.do(Unit(decide, reads))


class _Registrar:
    """One REGISTER against the bindings as they stand."""

    def __init__(self, account: Account, stored: Iterable[Mapping[str, Any]], now: int) -> None:
        self._account = account
        self._now = now
        self._before = {row["contact"]: dict(row) for row in stored}
        self._after = {contact: row for contact, row in self._before.items() if row["expires_at"] > now}

    def take(self, one: Binding) -> None:
        known = self._before.get(one.contact)
        if known is not None and known["call_id"] == one.call_id and one.cseq <= known["cseq"]:
            return
        if one.expires_at <= self._now:
            self._after.pop(one.contact, None)
        else:
            row = _row(self._account, one, self._now)
            if known is not None and known["agent"] == one.agent:
                row["cpim"] = known["cpim"]  # the same phone still reads what it read
            self._after[one.contact] = row

    def rows(self) -> Rows:
        kept = sorted(self._after.values(), key=lambda row: -row["updated_at"])[:CONTACTS]
        rows = Rows(live(kept, self._now))
        for contact in self._before.keys() - {row["contact"] for row in kept}:
            rows.delete("binding", (self._account.id, contact))
        for row in kept:
            self._write(rows, row)
        return rows

    def _write(self, rows: Rows, row: Row) -> None:
        before = self._before.get(row["contact"])
        if before is None:
            rows.inserts.append(("binding", row))
        elif before != row:
            changes = {name: value for name, value in row.items() if name not in ("account_id", "contact")}
            rows.updates.append(("binding", (self._account.id, row["contact"]), changes))


def _of(account: Account, *, lock: bool = True) -> Match:
    return Match("binding", ("account_id",), (account.id,), lock)


def _due_now(rows: Rows, head: Iterable[Mapping[str, Any]], now: int) -> None:
    """The first waiting message goes at once; the others follow it one by one."""
    for job in head:
        if job["state"] == "queued" and job["due_at"] > now:
            rows.update("forward_job", (job["id"],), due_at=now)
        rows.wakes.add("forwards")


def live(stored: Iterable[Mapping[str, Any]], now: int) -> tuple[Binding, ...]:
    """The bindings of these rows that have not expired, newest first."""
    rows = sorted(stored, key=lambda row: (-row["updated_at"], row["contact"]))
    return tuple(_binding(row) for row in rows if row["expires_at"] > now)


def _row(account: Account, one: Binding, now: int) -> Row:
    return {
        "account_id": account.id,
        "contact": one.contact,
        "tenant_id": account.tenant_id,
        "user": account.name,
        "source": one.source,
        "transport": one.transport,
        "flow": one.flow,
        "call_id": one.call_id,
        "cseq": one.cseq,
        "q": round(one.q * 1000),
        "expires_at": one.expires_at,
        "updated_at": now,
        "agent": one.agent,
        "cpim": one.cpim,
        "host": one.host,
    }


def _binding(row: Mapping[str, Any]) -> Binding:
    return Binding(
        user=row["user"],
        contact=row["contact"],
        source=row["source"],
        transport=row["transport"],
        flow=row["flow"],
        call_id=row["call_id"],
        cseq=row["cseq"],
        expires_at=row["expires_at"],
        q=row["q"] / 1000,
        agent=row["agent"],
        cpim=bool(row["cpim"]),
        host=row["host"],
    )
