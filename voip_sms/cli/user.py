"""`voip-sms user`: people who sign in at the panel."""

import sys
from pathlib import Path

import click

from voip_sms.app import people
from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, database_errors, settings_of
from voip_sms.core.failures import Refusal


@click.group("user")
def user() -> None:
    """People who sign in at the panel."""


@user.command("link")
@click.argument("mail")
@config_option
@click.option("--password", "password", is_flag=True, help="A link that sets the password, for 48 hours.")
def link(path: Path, mail: str, *, password: bool) -> None:
    """Print a link that signs MAIL in, once and within 15 minutes; earlier ones open nothing any more.

    Whoever has the link is that person. A second factor is not asked for with it.
    """
    settings = settings_of(path)
    try:
        with database_errors():
            found = people.link(settings, mail, "password" if password else "sign_in")
    except Refusal as refusal:
        click.echo(refusal.detail, err=True)
        sys.exit(Exit.FAILED)
    click.echo(found)
