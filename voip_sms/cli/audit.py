"""`voip-sms audit`: who changed what, and the proof that nobody changed that afterwards."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from voip_sms.app import audit as use
from voip_sms.app.administration import administered
from voip_sms.app.audit import Proof, Wanted
from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, database_errors, settings_of
from voip_sms.cli.values import IdType, MomentType
from voip_sms.core.audit import AUDIT, OCTETS
from voip_sms.core.clock import SystemClock
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources.audit import ACTIONS
from voip_sms.engine.audit import AuditFilter
from voip_sms.store.database import Database

_MOST = 1_000
_FAULTS = 20
"""Shown of one chain: after the first ones the rest is one story."""
_ENTRY, _MOMENT = IdType(AUDIT), MomentType()
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class _HashType(click.ParamType[bytes]):
    """A head as `verify` prints it."""

    name = "hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            octets = value if isinstance(value, bytes) else bytes.fromhex(value)
        except ValueError:
            octets = b""
        if len(octets) != OCTETS:
            self.fail(f"{value}: not a head as `voip-sms audit verify` prints it", param, ctx)
        return octets


@click.group("audit")
def audit() -> None:
    """See who changed what, and prove that nobody changed the record of it."""


@audit.command("list")
@config_option
@click.option("--tenant", help="Only what was done to this tenant's objects (its name, or ten_…).")
@click.option("--kind", help="Only this kind of object: sip_accounts, keys, carriers …")
@click.option("--action", type=click.Choice(sorted(ACTIONS)), help="Only what was done so.")
@click.option("--who", help="Only what this one did: key:app, operator:apply@host …")
@click.option("--object", "about", help="Only this object: its id or its label.")
@click.option("--since", type=_MOMENT, help="Only from this moment on.")
@click.option("--until", "before", type=_MOMENT, help="Only before this moment.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="How many.")
@click.option("--after", type=_ENTRY, help="Go on after this one (aud_…).")
@_json_option
def listing(
    path: Path,
    tenant: str | None,
    *,
    kind: str | None,
    action: str | None,
    who: str | None,
    about: str | None,
    since: int | None,
    before: int | None,
    limit: int,
    after: Id | None,
    as_json: bool,
) -> None:
    """List what was done, newest first; without --tenant everybody's."""
    only = AuditFilter(kind, action, who, about, since, before)
    with _opened(path) as database:
        found, more = use.listed(database, Wanted(tenant, only, limit, after))
    if as_json:
        _print_json({"data": list(found), "has_more": more})
        return
    for one in found:
        click.echo(_line(one))
    if more:
        click.echo(f"more: --after {found[-1]['id']}", err=True)


@audit.command("verify")
@config_option
@click.option("--tenant", help="Only this tenant's chain (its name, or ten_…).")
@click.option(
    "--expect", "expected", type=_HashType(), multiple=True,
    help="A head that was printed before: it must still be there. May be given several times.",
)  # fmt: skip
@_json_option
def verify(path: Path, tenant: str | None, *, expected: tuple[bytes, ...], as_json: bool) -> None:
    """Prove each chain whole; exit 1 if an entry was changed, removed or moved, or waits for its seal."""
    with _opened(path) as database:
        proofs, missing = use.verified(database, SystemClock().now(), tenant, expected)
    if as_json:
        _print_json(_proven(proofs, missing))
    else:
        _tell(proofs, missing)
    sys.exit(Exit.FAILED if missing or any(proof.faults for proof in proofs) else Exit.OK)


# --- what they share ----------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    """The database, or the end of the process with a clear text; refusals end it too."""
    settings = settings_of(path)
    try:
        with database_errors(), administered(settings) as database:
            yield database
    except Refusal as refusal:
        click.echo(refusal.detail, err=True)
        sys.exit(Exit.FAILED)


def _print_json(value: Mapping[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _line(one: Mapping[str, Any]) -> str:
    fields = ", ".join(
        f"{name} {_told(one['before'], name)} > {_told(one['after'], name)}"
        for name in {**one["before"], **one["after"]}
    )
    what = f"{one['id']}  {one['at']}  {one['who']} ({one['door']})  {one['action']} {one['label']}"
    return f"{what}: {fields}" if fields and one["action"] in {"changed", "rotated"} else what


def _told(fields: Mapping[str, Any], name: str) -> str:
    return json.dumps(fields[name], ensure_ascii=False) if name in fields else "-"


def _tell(proofs: Sequence[Proof], missing: Collection[bytes]) -> None:
    for proof in proofs:
        state = "BROKEN" if proof.faults else "ok"
        waiting = f", {proof.unsealed} to seal" if proof.unsealed else ""
        click.echo(f"{state} {proof.name}: {proof.head.seq} entries{waiting}, head {proof.head.hash.hex()}")
        for fault in proof.faults[:_FAULTS]:
            click.echo(f"  {fault.kind}: {fault.text}")
        if len(proof.faults) > _FAULTS:
            click.echo(f"  and {len(proof.faults) - _FAULTS} more")
    for one in sorted(missing):
        click.echo(f"BROKEN expected: no whole chain has the entry {one.hex()}: cut off, or written anew")


def _proven(proofs: Sequence[Proof], missing: Collection[bytes]) -> dict[str, Any]:
    chains = [
        {
            "name": proof.name,
            "tenant": proof.id,
            "entries": proof.head.seq,
            "unsealed": proof.unsealed,
            "head": proof.head.hash.hex(),
            "faults": [{"kind": fault.kind, "text": fault.text} for fault in proof.faults],
        }
        for proof in proofs
    ]
    whole = not missing and not any(proof.faults for proof in proofs)
    return {"whole": whole, "chains": chains, "missing": [one.hex() for one in sorted(missing)]}
