"""`voip-sms kamailio`: what a Kamailio in front has to know."""

from pathlib import Path

import click

from voip_sms.app import administration
from voip_sms.cli.exits import config_option, database_errors, settings_of


@click.group("kamailio")
def kamailio() -> None:
    """What a Kamailio in front of the service has to know."""


@kamailio.command("users")
@config_option
def users(path: Path) -> None:
    """Print its table `subscriber`: the accounts with `via: proxy`, and hashes that are as good as passwords.

    On the same host the service keeps the file itself: [sip] subscribers.
    """
    settings = settings_of(path)
    with database_errors():
        text = administration.subscribers(settings)
    click.echo(text, nl=False)
