"""`voip-sms smsc`: the carrier simulator alone, in a process of its own."""

import asyncio
import errno
import json
import os
import signal
import sys

import click
import structlog
import uvloop
from pydantic import SecretStr, ValidationError

from voip_sms.core.clock import SystemClock
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.wire.smpp.text import Alphabet, Long

# The contract's exit codes.
_CONFIGURATION = 2
_PORT_IN_USE = 4


@click.command("smsc")
@click.option("--smpp", default="127.0.0.1:2775", show_default=True, help="SMPP address; port 0 picks one.")
@click.option(
    "--http", default="127.0.0.1:8090", show_default=True, help="Page and HTTP API; port 0 picks one."
)
@click.option("--system-id", default="sim", show_default=True, help="The account that may bind.")
@click.option("--password", default="sim", show_default=True, help="Its password.")
@click.option("--id-format", type=click.Choice(["hex", "dec", "text"]), default="hex", show_default=True)
@click.option(
    "--receipt-id-format", type=click.Choice(["same", "hex", "dec"]), default="same", show_default=True
)
@click.option(
    "--default-alphabet",
    type=click.Choice([one.value for one in Alphabet]),
    default="gsm7",
    show_default=True,
)
@click.option(
    "--long", "long_texts", type=click.Choice([one.value for one in Long]), default="udh", show_default=True
)
@click.option("--window", default=100, show_default=True, type=click.IntRange(1, 10_000))
def smsc(long_texts: str, password: str, **options: object) -> None:
    """Run the carrier simulator: an SMPP server with handsets that one can see and answer from."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    try:
        settings = SimulatorSettings.model_validate(
            {**options, "long": long_texts, "password": SecretStr(password)}
        )
    except ValidationError as error:
        for one in error.errors(include_input=False):
            click.echo(f"smsc: {'.'.join(map(str, one['loc']))}: {one['msg']}", err=True)
        sys.exit(_CONFIGURATION)
    sys.exit(uvloop.run(_run(settings)))


async def _run(settings: SimulatorSettings) -> int:
    """Until it is told to stop; returns the exit code."""
    simulator = Simulator(settings, SystemClock())
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    try:
        await simulator.start()
    except OSError as error:
        click.echo(f"smsc: can't listen: {error.strerror or error}", err=True)
        return _PORT_IN_USE if error.errno == errno.EADDRINUSE else 1
    try:
        addresses = {"simulator_smpp": simulator.smpp_address, "simulator_http": simulator.http_address}
        ready = json.dumps({"pid": os.getpid(), **addresses}, separators=(",", ":"))
        print(f"ready {ready}", flush=True)
        await told_to_stop.wait()
    finally:
        await simulator.stop()
    return 0


if __name__ == "__main__":
    smsc()
