"""What every command shares: reading the settings, and ending with a clear text."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from voip_sms.app.exits import Exit
from voip_sms.app.settings import Settings, SettingsInvalidError, load
from voip_sms.store.errors import DatabaseError

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("voip-sms.toml"),
    show_default=True,
    help="The configuration file.",
)


def settings_of(path: Path) -> Settings:
    """The settings, or the end of the process with every fault on stderr."""
    try:
        return load(path)
    except SettingsInvalidError as error:
        for line in error.lines:
            click.echo(line, err=True)
        sys.exit(Exit.CONFIGURATION)


@contextmanager
def database_errors() -> Iterator[None]:
    """End the process with what to do when the database can't be used."""
    try:
        yield
    except DatabaseError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.DATABASE)
