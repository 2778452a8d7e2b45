"""`voip-sms explain`: why a message went as it did."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from voip_sms.app import administration
from voip_sms.app.administration import Explained
from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, database_errors, settings_of
from voip_sms.core.clock import to_rfc3339
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import message_resource


@click.command("explain")
@click.argument("message_id", metavar="ID")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(path: Path, message_id: str, *, as_json: bool) -> None:
    """Say why the message ID (msg_…) went as it did: every decision, then every change of status."""
    settings = settings_of(path)
    try:
        with database_errors():
            found = administration.explained(settings, message_id)
    except Refusal as refusal:
        click.echo(refusal.detail, err=True)
        sys.exit(Exit.FAILED)
    if as_json:
        steps = [{"step": one.step, "decision": one.decision, "reason": one.reason} for one in found.trace]
        shown = {"message": message_resource(found.message), "trace": steps, "deliveries": found.deliveries}
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        _tell(message_id, found)


def _tell(message_id: str, found: Explained) -> None:
    message, trace = found.message, found.trace
    click.echo(f"{message_id}  {message.direction}  {message.status}")
    click.echo(f"{message.sender} > {message.to}  by {message.account} over {message.door}")
    for step in trace:
        click.echo(f"  {step.step}: {step.decision}{f' ({step.reason})' if step.reason else ''}")
    for event in message.events:
        click.echo(f"  {to_rfc3339(event.at)} {event.status}{f' ({event.cause})' if event.cause else ''}")
    if message.error_code is not None:
        click.echo(f"  error {message.error_code}: {message.error_detail or ''}")
    for delivery in found.deliveries:
        _tell_delivery(delivery)


def _tell_delivery(delivery: Mapping[str, Any]) -> None:
    """Where it went, and how each try ended; of phones, each one's answer."""
    what = f"{delivery['event']} to {delivery['kind']} {delivery['target']}: {delivery['state']}"
    instead = f", instead of phone {delivery['instead_of']}" if delivery["instead_of"] else ""
    click.echo(f"  {what}{_because(delivery['cause'])}{instead}")
    for one in delivery["attempts"]:
        click.echo(f"    {one['at']} {one['outcome']}{_because(one['cause'])}")
        for contact in one.get("contacts", ()):
            click.echo(f"      {contact['contact']}: {contact['cause']}")
    if delivery["displayed_at"] is not None:
        click.echo(f"    {delivery['displayed_at']} displayed")


def _because(cause: str) -> str:
    return f" ({cause})" if cause else ""
