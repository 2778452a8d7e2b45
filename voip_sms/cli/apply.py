"""`voip-sms apply`: bring the configuration in the database to what a file says."""

import json
import sys
from pathlib import Path

import click

from voip_sms.app import administration
from voip_sms.app.administration import Applied
from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, database_errors, settings_of
from voip_sms.core.resources.documents import NotYamlError
from voip_sms.engine.accounts.applying import Report


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@click.option("--plan", "plan_only", is_flag=True, help="Only show what would change.")
@click.option("--prune", is_flag=True, help="Remove what the file doesn't have.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def apply(path: Path, file: Path, *, plan_only: bool, prune: bool, as_json: bool) -> None:
    """Bring carriers, prices and tenants to what FILE says: everything, or nothing and exit 1."""
    settings = settings_of(path)
    try:
        with database_errors():
            applied = administration.apply(settings, file, plan_only=plan_only, prune=prune)
    except NotYamlError as error:
        applied = Applied(None, (str(error),))
    _tell(applied, as_json=as_json)
    sys.exit(Exit.OK if applied.report is not None else Exit.FAILED)


def _tell(applied: Applied, *, as_json: bool) -> None:
    for line in applied.errors:
        click.echo(line, err=True)
    report = applied.report
    if as_json:
        click.echo(json.dumps(_json(applied), ensure_ascii=False))
    elif report is not None:
        _tell_changes(report)
    if report is not None:
        for warning in report.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"apply: {report.summary}", err=as_json)  # with --json stdout is JSON alone
    else:
        click.echo("apply: nothing was changed", err=True)


def _tell_changes(report: Report) -> None:
    for label in report.added:
        click.echo(f"+ {label}")
    for label, columns in report.changed:
        click.echo(f"~ {label}: {', '.join(columns)}")
    for label in report.removed:
        click.echo(f"- {label}")


def _json(applied: Applied) -> dict[str, object]:
    report = applied.report
    if report is None:
        return {"errors": list(applied.errors)}
    return {
        "added": list(report.added),
        "changed": [{"object": label, "fields": list(columns)} for label, columns in report.changed],
        "removed": list(report.removed),
        "unchanged": report.unchanged,
        "warnings": list(report.warnings),
        "errors": [],
    }
