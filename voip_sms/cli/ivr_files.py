"""How the commands about flows read one: the file, and whose national numbers are in it."""

import sys
from pathlib import Path

import click

from voip_sms.app.exits import Exit
from voip_sms.core import addresses
from voip_sms.core.resources.values import DEFAULT_COUNTRY
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.reading import FlowError, read_flow


def _country(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    del ctx, parameter
    if not addresses.is_country(value):
        raise click.BadParameter("write two capital letters, such as PL")
    return value


country_option = click.option(
    "--country",
    default=DEFAULT_COUNTRY,
    show_default=True,
    callback=_country,
    help="Whose numbers are written without a country.",
)
flow_file = click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))


def flow_in(path: Path, country: str) -> Flow:
    """The flow, or the end of the process with every fault on stderr."""
    try:
        return read_flow(path, country=country)
    except FlowError as error:
        for line in error.lines:
            click.echo(line, err=True)
        sys.exit(Exit.FAILED)
