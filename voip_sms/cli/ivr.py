"""`voip-sms ivr`: check, draw and try flows of calls without a PBX, and call somebody into one."""

import sys
from pathlib import Path

import click

from voip_sms.app.exits import Exit
from voip_sms.cli.ivr_call import ring
from voip_sms.cli.ivr_files import country_option, flow_file, flow_in
from voip_sms.cli.ivr_try import rehearse
from voip_sms.doors.ivr.drawing import draw
from voip_sms.doors.ivr.reading import FlowError, read_flow, read_flows


@click.group("ivr")
def ivr() -> None:
    """Check, draw and try flows of calls.

    A flow is a YAML file that says what callers hear and press, and which SMS are sent. Begin with one of
    ivr_flows/; docs/use/ivr.en.md (ivr.pl.md in Polish) explains every step.
    """


@ivr.command("check")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@country_option
def check(paths: tuple[Path, ...], country: str) -> None:
    """Say what is wrong with flows: file, line, step and reason.

    FILE may be a folder of them. Leaves with 1 if anything is wrong. Whether sounds and voices are there is
    for the service to say, which knows the PBX.
    """
    faults = [fault for path in paths for fault in _checked(path, country)]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(Exit.FAILED)


def _checked(path: Path, country: str) -> tuple[str, ...]:
    """Tell of the flows that are right; what is wrong with the others."""
    if path.is_dir():
        flows, faults = read_flows(path, country=country)
        if not flows and not faults:
            faults = (f"{path}: no flow in it; they are named *.yaml",)
    else:
        try:
            flows, faults = {"": read_flow(path, country=country)}, ()
        except FlowError as error:
            flows, faults = {}, error.lines
    for flow in flows.values():
        click.echo(f"{flow.path}: ok: flow {flow.name} of {flow.tenant}, steps: {len(flow.steps)}")
    return faults


@ivr.command("draw")
@flow_file
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file for it; else stdout."
)
@country_option
def picture(path: Path, output: Path | None, country: str) -> None:
    """Draw the flow in FILE: an SVG picture that any browser shows."""
    drawn = draw(flow_in(path, country))
    if output is None:
        click.echo(drawn, nl=False)
        return
    try:
        output.write_text(drawn, encoding="utf-8")
    except OSError as error:
        click.echo(f"{output}: {error.strerror}", err=True)
        sys.exit(Exit.FAILED)


ivr.add_command(rehearse)
ivr.add_command(ring)
