"""A process that asks for one SMS from each of many calls, and says which are answered: to be killed.

`python -m support.call_load DATABASE CALLS`: one line for each call that was answered, "1.7 sent" or the code.
Run again, it asks for the same.
"""

import asyncio
import os
import sys

from support.fakes import NoDispatcher, fixed_random
from support.world import DIRECTORY
from voip_sms.core.calls import CallOrder
from voip_sms.core.clock import SystemClock
from voip_sms.core.directory import CallLimits, Identity
from voip_sms.core.identity import Rules
from voip_sms.core.ids import Ids
from voip_sms.engine.calls import Calling
from voip_sms.engine.context import Context
from voip_sms.engine.submit import Submit
from voip_sms.store.database import open_database
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer

FLOW = "address"
AT_ONCE = 4
"""Calls that reach their step together."""


async def main(url: str, calls: int) -> None:
    database = open_database(url)
    writer, reader = Writer(database.writer, lambda _topics: None), Reader(database.reader)
    writer.start()
    clock = SystemClock()
    ids = Ids(clock, os.urandom)
    context = Context(writer, reader, lambda: DIRECTORY, clock, ids.new, fixed_random().random)
    calling = Calling(context, Submit(context, NoDispatcher(), Rules()), "PL")
    places = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_call(calling, number, places) for number in range(calls)))
    await writer.stop()
    reader.close()
    database.close()


async def _call(calling: Calling, number: int, places: asyncio.Semaphore) -> None:
    account = calling.account("acme", FLOW, Identity("name", "ACME"))
    assert account is not None
    caller = f"+4860{number:07}"
    order = CallOrder(account, caller, f"1.{number}", "send", caller, "Hej", CallLimits(1, 1_000_000))
    async with places:
        item = await calling.send(order)
        said = "sent" if item.refused is None else item.refused.code.name
        sys.stdout.write(f"1.{number} {said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
