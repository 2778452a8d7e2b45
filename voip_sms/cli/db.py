"""`voip-sms db`: look after the database."""

from pathlib import Path

import click

from voip_sms.app import administration
from voip_sms.cli.exits import config_option, database_errors, settings_of


@click.group("db")
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
@config_option
def _upgrade(path: Path) -> None:
    """Bring the schema to this version's; safe to repeat."""
    settings = settings_of(path)
    with database_errors():
        administration.upgrade(settings)
    click.echo("db: at this version's schema")
