"""`voip-sms serve`: the service."""

import sys
from pathlib import Path

import click

from voip_sms.cli.exits import config_option, settings_of


@click.command("serve")
@config_option
def serve(path: Path) -> None:
    """Run the service until SIGTERM; one line `ready {…}` on stdout says that it is up."""
    settings = settings_of(path)
    from voip_sms.app.lifecycle import serve as run  # noqa: PLC0415 - a faulty configuration is told in a blink

    sys.exit(run(settings))
