"""`voip-sms smsc`: the carrier simulator alone, in a process of its own."""

import asyncio
import json
import os
import signal
import sys

import click
import structlog
import uvloop
from pydantic import SecretStr

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
    settings = SimulatorSettings.model_validate(
        {**options, "long": long_texts, "password": SecretStr(password)}
    )
    try:
        uvloop.run(_run(settings))
    except ValueError as error:
        click.echo(f"smsc: {error}", err=True)
        sys.exit(_CONFIGURATION)
    except OSError as error:
        click.echo(f"smsc: {error.strerror or error}", err=True)
        sys.exit(_PORT_IN_USE)


async def _run(settings: SimulatorSettings) -> None:
    simulator = Simulator(settings, SystemClock())
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    await simulator.start()
    try:
        addresses = {"simulator_smpp": simulator.smpp_address, "simulator_http": simulator.http_address}
        ready = json.dumps({"pid": os.getpid(), **addresses}, separators=(",", ":"))
        print(f"ready {ready}", flush=True)
        await told_to_stop.wait()
    finally:
        await simulator.stop()


if __name__ == "__main__":
    smsc()
