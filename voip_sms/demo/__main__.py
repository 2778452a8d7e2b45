"""`python -m voip_sms.demo [--once]`: set the stage, tell the story, stay up to be looked at."""

import argparse
import asyncio
import signal
import sys

from voip_sms.demo.report import Report
from voip_sms.demo.stage import MAILBOX, OPERATOR, PERSON, TOKEN, Stage
from voip_sms.demo.stage_pbx import Switchboard
from voip_sms.demo.story import Story


async def tell(*, once: bool) -> int:
    """Run the demo; its exit code."""
    report = Report()
    async with (
        Switchboard() as board,
        Stage(environment=board.settings, change=board.extend) as stage,
    ):
        await board.connect(stage)
        story = Story(stage, board)
        try:
            for name, step in story.steps().items():
                await report.step(name, step)
            code = report.end()
            if not once:
                await _stay(stage, board)
        finally:
            await story.close()
    if code:
        print(f"the logs are in {stage.folder}", file=sys.stderr)
    else:
        stage.forget()
    return code


async def _stay(stage: Stage, board: Switchboard) -> None:
    simulator = stage.smsc.ready["simulator_http"]
    print(f"\nservice    http://{stage.http_address}/docs   (key: {TOKEN})")
    print(f"handsets   http://{simulator}/   (see what they got, and answer)")
    print(f"phones     voip-sms phone --user 101 --registrar 127.0.0.1:{stage.sip_port}   (password pw101)")
    for line in board.doors():
        print(line)
    print(f"mailbox    {MAILBOX}: {len(stage.mail.mails)} mails so far")
    print(f"panel      http://{stage.http_address}/panel   (each link signs in once, within 15 minutes)")
    customer, operator = await asyncio.gather(stage.link(PERSON), stage.link(OPERATOR))
    print(f"  customer {customer}   ({PERSON})\n  operator {operator}   ({OPERATOR})")
    print("Ctrl-C ends it.", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m voip_sms.demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="leave when the story is told (0: nothing failed)"
    )
    return asyncio.run(tell(once=parser.parse_args().once))


if __name__ == "__main__":
    sys.exit(main())
