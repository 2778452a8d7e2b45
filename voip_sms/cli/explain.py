"""`voip-sms explain`: why a message went as it did."""

import json
import sys
from pathlib import Path

import click

from voip_sms.app import administration
from voip_sms.cli.exits import Exit, config_option, database_errors, settings_of
from voip_sms.core.clock import to_rfc3339
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Message, Step
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
            message, trace = administration.explained(settings, message_id)
    except Refusal as refusal:
        click.echo(refusal.detail, err=True)
        sys.exit(Exit.FAILED)
    if as_json:
        steps = [{"step": one.step, "decision": one.decision, "reason": one.reason} for one in trace]
        click.echo(json.dumps({"message": message_resource(message), "trace": steps}, ensure_ascii=False))
    else:
        _tell(message_id, message, trace)


def _tell(message_id: str, message: Message, trace: tuple[Step, ...]) -> None:
    click.echo(f"{message_id}  {message.direction}  {message.status}")
    click.echo(f"{message.sender} > {message.to}  by {message.account} over {message.door}")
    for step in trace:
        click.echo(f"  {step.step}: {step.decision}{f' ({step.reason})' if step.reason else ''}")
    for event in message.events:
        click.echo(f"  {to_rfc3339(event.at)} {event.status}{f' ({event.cause})' if event.cause else ''}")
    if message.error_code is not None:
        click.echo(f"  error {message.error_code}: {message.error_detail or ''}")
