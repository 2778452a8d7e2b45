"""`voip-sms ivr call`: call a number and put it into a flow."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from voip_sms.app.exits import Exit
from voip_sms.app.settings import Settings
from voip_sms.cli.exits import config_option, settings_of
from voip_sms.cli.values import PairInvalidError, by_name
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.originate import NumberInvalidError, call
from voip_sms.doors.ivr.reading import read_flows
from voip_sms.net.ari import Ari, AriError


@click.command("call")
@click.argument("name", metavar="FLOW")
@click.argument("number")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="What the flow expects.")
@config_option
def ring(name: str, number: str, values: tuple[str, ...], path: Path) -> None:
    """Call NUMBER, and put it into the flow named FLOW when somebody answers.

    The flow is run by the service, which must be up and connected to the PBX; `ivr.dial` says how the PBX
    calls numbers. Example: voip-sms ivr call code +48601234567 --set code=482913 --set language=pl
    """
    settings = settings_of(path)
    try:
        given = _given(values)
        _check(_flow(settings, name), given)
        channel = asyncio.run(_ring(settings, name, number, given))
    except (NumberInvalidError, AriError, _UnusableError) as error:
        click.echo(f"ivr call: {error}", err=True)
        sys.exit(Exit.FAILED)
    click.echo(f"calling {number}: channel {channel}")


class _UnusableError(Exception):
    """It can't be called; the text says what to do."""


def _given(values: tuple[str, ...]) -> Mapping[str, str]:
    try:
        return by_name(values)
    except PairInvalidError as error:
        raise _UnusableError(f"--set {error}: must be NAME=VALUE") from error


def _flow(settings: Settings, name: str) -> Flow:
    if not settings.asterisk.url or not settings.ivr.flows:
        raise _UnusableError("there is no PBX, or no folder of flows: set asterisk.url and ivr.flows")
    flows, _ = read_flows(Path(settings.ivr.flows), country=settings.service.country)
    if name not in flows:
        raise _UnusableError(f"there is no flow {name}; known: {', '.join(sorted(flows)) or 'none'}")
    return flows[name]


def _check(flow: Flow, given: Mapping[str, str]) -> None:
    if unknown := sorted(set(given) - flow.expects):
        expected = ", ".join(sorted(flow.expects)) or "nothing"
        raise _UnusableError(f"the flow {flow.name} expects {expected}, not {', '.join(unknown)}")
    if missing := sorted(flow.expects - set(given)):
        click.echo(f"without {', '.join(missing)}, which the flow expects", err=True)


async def _ring(settings: Settings, name: str, number: str, given: Mapping[str, str]) -> str:
    ari = Ari(settings.asterisk)
    try:
        return await call(ari, settings.ivr.dial, name, number, given)
    finally:
        await ari.close()
