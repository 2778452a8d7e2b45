"""`voip-sms serve`: the service."""

import sys
from pathlib import Path
from typing import Final

import click

from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, settings_of

_DEFAULT_ROUTE: Final = "auto"


@click.command("serve")
@config_option
@click.option(
    "--lan",
    is_flag=False,
    flag_value=_DEFAULT_ROUTE,
    default=None,
    metavar="[ADDRESS]",
    help="Open SIP to the local network, at ADDRESS or at that of the default route, and say what to type"
    " into a phone. Only listeners on loopback move; HTTP stays where it is.",
)
@click.option("--lan-http", is_flag=True, help="With --lan: open HTTP too, in the clear.")
def serve(path: Path, lan: str | None, *, lan_http: bool) -> None:
    """Run the service until SIGTERM; one line `ready {…}` on stdout says that it is up."""
    if lan_http and lan is None:
        raise click.UsageError("--lan-http goes with --lan")
    settings = settings_of(path)
    from voip_sms.app.lifecycle import serve as run  # noqa: PLC0415 - a faulty configuration is told in a blink

    if lan is None:
        sys.exit(run(settings))
    from voip_sms.app.lan import LanError, Teller, lan_address, opened  # noqa: PLC0415 - likewise

    try:
        address = lan_address("" if lan == _DEFAULT_ROUTE else lan)
    except LanError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.CONFIGURATION)
    teller = Teller(address, settings.sip.domain, sys.stderr)
    sys.exit(run(opened(settings, address, http=lan_http), teller))
