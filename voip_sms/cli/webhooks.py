"""`voip-sms webhooks`: what was told to customers' URLs, telling it again, new secrets, test events."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from voip_sms.app import webhooks as use
from voip_sms.app.audit import by_command
from voip_sms.app.exits import Exit
from voip_sms.app.webhooks import Whose, Work
from voip_sms.cli.exits import config_option, database_errors, settings_of
from voip_sms.cli.values import IdType, MomentType
from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources.answers import FORWARD
from voip_sms.core.resources.webhooks import DELIVERY, STATES
from voip_sms.engine.webhooks import HandoverFilter, Replay

T = TypeVar("T")
_MOST = 1_000


_EVENT, _RULE, _MOMENT = IdType(DELIVERY), IdType(FORWARD), MomentType()
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_tenant_option = click.option("--tenant", help="Whose; needed where there are several.")
_rule_option = click.option("--forward", "rule_id", type=_RULE, help="Only of this forward (fwd_…).")


@click.group("webhooks")
def webhooks() -> None:
    """See what was told to customers' URLs, tell it again, change secrets, send test events."""


@webhooks.command("list")
@config_option
@_tenant_option
@click.option("--state", type=click.Choice(sorted(STATES)), help="Only those that stand so.")
@_rule_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="How many.")
@click.option("--after", type=_EVENT, help="Go on after this one (evt_…).")
@_json_option
def listing(
    path: Path,
    tenant: str | None,
    *,
    state: str | None,
    rule_id: Id | None,
    limit: int,
    after: Id | None,
    as_json: bool,
) -> None:
    """List hand-overs, newest first."""
    only = HandoverFilter(state=state, rule_id=rule_id)
    found, more = _run(
        path,
        use.of_tenant(tenant),
        lambda hooks, tenant_id: hooks.list(tenant_id, only, limit=limit, starting_after=after),
    )
    if as_json:
        _print_json({"data": list(found), "has_more": more})
        return
    for one in found:
        click.echo(_line(one))
    if more:
        click.echo(f"more: --after {found[-1]['id']}", err=True)


@webhooks.command("show")
@click.argument("event", metavar="ID", type=_EVENT)
@config_option
@_json_option
def show(path: Path, event: Id, *, as_json: bool) -> None:
    """Show the hand-over ID (evt_…, the receiver's webhook-id) with its attempts."""
    found = _run(path, use.of_delivery(event), lambda hooks, tenant_id: hooks.get(tenant_id, event))
    _tell(found, as_json=as_json)


@webhooks.command("replay")
@click.argument("event", metavar="[ID]", type=_EVENT, required=False)
@config_option
@_tenant_option
@click.option("--since", type=_MOMENT, help="Only events from this moment on.")
@click.option("--until", "before", type=_MOMENT, help="Only events before this moment.")
@_rule_option
@_json_option
def replay(
    path: Path,
    event: Id | None,
    tenant: str | None,
    *,
    since: int | None,
    before: int | None,
    rule_id: Id | None,
    as_json: bool,
) -> None:
    """Tell the hand-over ID once more; without ID all that failed, at most 1,000 at a time."""
    if event is not None:
        if (tenant, since, before, rule_id) != (None, None, None, None):
            raise click.UsageError("an ID stands alone; the options are for all that failed")
        found = _run(path, use.of_delivery(event), lambda hooks, owner: hooks.replay(owner, event, _by()))
        _tell(found, as_json=as_json)
        return
    which = Replay(since, before, rule_id)
    count, more = _run(
        path, use.of_tenant(tenant), lambda hooks, owner: hooks.replay_many(owner, which, _by())
    )
    if as_json:
        _print_json({"replayed": count, "has_more": more})
    else:
        click.echo(f"replayed: {count}{'; there are more, run it again' if more else ''}")


@webhooks.command("rotate")
@click.argument("rule_id", metavar="FORWARD", type=_RULE)
@config_option
@_json_option
def rotate(path: Path, rule_id: Id, *, as_json: bool) -> None:
    """Give the webhook FORWARD (fwd_…) a new secret, printed this once; the old one signs too for a day."""
    found = _run(path, use.of_forward(rule_id), lambda hooks, owner: hooks.rotate(owner, rule_id, _by()))
    if as_json:
        _print_json(found)
        return
    click.echo(found["secret"])
    until = found.get("secret_before_until")
    if until is not None:
        click.echo(f"the one before signs beside it until {until}", err=True)


@webhooks.command("test")
@click.argument("rule_id", metavar="FORWARD", type=_RULE)
@config_option
@_json_option
def test(path: Path, rule_id: Id, *, as_json: bool) -> None:
    """Send a test event to the webhook FORWARD (fwd_…), once and now; exit 1 if it wasn't taken."""
    found = _run(path, use.of_forward(rule_id), lambda hooks, owner: hooks.test(owner, rule_id))
    if as_json:
        _print_json(found)
    else:
        how = "ok" if found["delivered"] else "FAIL"
        click.echo(f"{how} {found['id']}: {found['cause']}{_in_brackets(found['detail'])}")
    sys.exit(Exit.OK if found["delivered"] else Exit.FAILED)


# --- what they share ----------------------------------------------------------------------------------------


def _run(path: Path, whose: Whose, work: Work[T]) -> T:
    """The result, or the end of the process with a clear text."""
    settings = settings_of(path)
    try:
        with database_errors():
            return use.carry_out(settings, whose, work)
    except Refusal as refusal:
        click.echo(refusal.detail, err=True)
        sys.exit(Exit.FAILED)


def _by() -> By:
    return by_command("cli", "webhooks")


def _print_json(value: Mapping[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _tell(one: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(one)
        return
    click.echo(_line(one))
    attempts: Sequence[Mapping[str, Any]] = one.get("attempts") or ()
    for each in attempts:
        click.echo(f"  {each['no']}  {each['at']}  {each['outcome']}{_in_brackets(each['cause'])}")


def _line(one: Mapping[str, Any]) -> str:
    cause = _in_brackets(one["cause"])
    return f"{one['id']}  {one['created_at']}  {one['state']}{cause}  {one['event']}  {one['url']}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""
