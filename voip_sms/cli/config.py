"""`voip-sms config`: sample, check and show the configuration file."""

from pathlib import Path

import click

from voip_sms.app.sample import sample, shown
from voip_sms.cli.exits import config_option, settings_of


@click.group("config")
def config() -> None:
    """Show, check or sample the configuration file."""


@config.command("sample")
def _sample() -> None:
    """Print a configuration file of all defaults, each key explained."""
    click.echo(sample(), nl=False)


@config.command("check")
@config_option
def _check(path: Path) -> None:
    """Say what is wrong with the configuration file; exit 2 if anything is."""
    settings_of(path)
    click.echo(f"{path}: ok")


@config.command("show")
@config_option
def _show(path: Path) -> None:
    """Print the settings in force, the environment's included, without secrets."""
    click.echo(shown(settings_of(path)), nl=False)
