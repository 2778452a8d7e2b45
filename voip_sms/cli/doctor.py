"""`voip-sms doctor`: check that everything the service needs is there."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import orjson

from voip_sms.app.doctor import Finding, Options, examine
from voip_sms.app.exits import Exit
from voip_sms.cli.exits import config_option, database_errors, settings_of


@click.command("doctor")
@config_option
@click.option(
    "--bind", is_flag=True, help="Log in at every carrier for a moment; some then end the service's own bind."
)
@click.option("--json", "as_json", is_flag=True, help="One object on stdout.")
def doctor(path: Path, *, bind: bool, as_json: bool) -> None:
    """Look at all that the service needs: ports, names, certificates, clock, database, carriers, mail.

    Nothing is changed. Exit 1 if anything FAILs; what says `warn` is for you to judge.
    """
    settings = settings_of(path)
    found: list[Finding] = []
    with database_errors():
        for finding in examine(settings, Options(path, bind=bind)):
            found.append(finding)
            if not as_json:
                click.echo(str(finding))
    states: Counter[str] = Counter(finding.state for finding in found)
    if as_json:
        click.echo(orjson.dumps(_object(found, states)).decode())
    else:
        click.echo(
            f"doctor: {states['ok']} ok, {states['warn']} to look at, {states['fail']} wrong", err=True
        )
    sys.exit(Exit.FAILED if states["fail"] else Exit.OK)


def _object(found: list[Finding], states: Counter[str]) -> dict[str, Any]:
    return {
        "findings": [
            {"state": one.state, "name": one.name, "found": one.found, "advice": one.advice} for one in found
        ],
        **{state: states[state] for state in ("ok", "warn", "fail", "skip")},
    }
