"""`voip-sms doctor`: check that everything the service needs is there."""

import sys
from pathlib import Path

import click

from voip_sms.app import doctor as examination
from voip_sms.cli.exits import Exit, config_option, database_errors, settings_of


@click.command("doctor")
@config_option
def doctor(path: Path) -> None:
    """Look at settings, folder, database, ports and carriers; exit 1 if anything FAILs."""
    settings = settings_of(path)
    click.echo(f"ok config: {path}")
    failed = False
    with database_errors():
        for finding in examination.examine(settings):
            click.echo(f"{finding.state} {finding.name}: {finding.text}")
            failed = failed or finding.state == "FAIL"
    sys.exit(Exit.FAILED if failed else Exit.OK)
