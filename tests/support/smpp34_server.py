"""An independent SMSC, smpp34, in a process of its own: accepts, receipts and answers every submit_sm.

Prints a JSON line per event. COMPAT smpp34 1.5: its threads crash an interpreter that ends in the usual way,
so it never shares a process with tests and leaves by os._exit.
"""

import asyncio
import contextlib
import json
import os
import sys
from typing import Any, Final

import smpp34

# SMPP 3.4, 5.2.12, 5.3.2, 5.1.3: written out, not taken from the code that is tested.
RECEIPT: Final = 0x04
RECEIPTED_MESSAGE_ID: Final = 0x001E
MESSAGE_STATE: Final = 0x0427
RTHROTTLED: Final = 0x58
REJECTED: Final = b"throttle me"
HOST: Final = "127.0.0.1"


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


async def answer(session: smpp34.Esme, event: smpp34.SubmitSmEvent, message_id: str) -> None:
    """A receipt with text and TLVs, then the same text back from the recipient."""
    receipt = await session.deliver_sm(
        event.source_addr,
        f"id:{message_id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:".encode(),
        source_addr=event.destination_addr,
        source_addr_ton=event.dest_addr_ton,
        source_addr_npi=event.dest_addr_npi,
        dest_addr_ton=event.source_addr_ton,
        dest_addr_npi=event.source_addr_npi,
        esm_class=RECEIPT,
        tlvs=[
            smpp34.Tlv(RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            smpp34.Tlv(MESSAGE_STATE, b"\x02"),
        ],
    )
    say(event="receipt", status=receipt.command_status)
    echo = await session.deliver_sm(
        event.source_addr,
        event.short_message,
        source_addr=event.destination_addr,
        source_addr_ton=event.dest_addr_ton,
        source_addr_npi=event.dest_addr_npi,
        dest_addr_ton=event.source_addr_ton,
        dest_addr_npi=event.source_addr_npi,
        esm_class=event.esm_class,
        data_coding=event.data_coding,
        tlvs=event.tlvs,
    )
    say(event="echo", status=echo.command_status)


def submitted(event: smpp34.SubmitSmEvent, message_id: str) -> None:
    say(
        event="submit",
        id=message_id,
        source=[event.source_addr_ton, event.source_addr_npi, event.source_addr],
        dest=[event.dest_addr_ton, event.dest_addr_npi, event.destination_addr],
        coding=event.data_coding,
        esm_class=event.esm_class,
        registered=event.registered_delivery,
        text=event.short_message.hex(),
        tlvs=[[tlv.tag, tlv.value.hex()] for tlv in event.tlvs],
    )


async def serve(port: int) -> None:
    server = smpp34.Server(HOST, port, system_id="peer")
    await server.start()
    say(event="ready")
    sessions: dict[str, smpp34.Esme] = {}
    answering: set[asyncio.Task[None]] = set()
    count = 0
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            sessions[event.session_id] = event
            say(event="bound", system_id=event.system_id)
        elif isinstance(event, smpp34.Unbound):
            say(event="unbound")
        elif event.short_message == REJECTED:
            event.reject(RTHROTTLED)
        else:
            count += 1
            message_id = f"{0xA0 + count:08X}"
            submitted(event, message_id)
            event.accept(message_id=message_id)
            task = asyncio.create_task(answer(sessions[event.session_id], event, message_id))
            answering.add(task)
            task.add_done_callback(answering.discard)


async def until_stdin_ends() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def main() -> None:
    serving = asyncio.create_task(serve(int(sys.argv[1])))
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait(
            [serving, asyncio.create_task(until_stdin_ends())], return_when=asyncio.FIRST_COMPLETED
        )
    if serving.done():
        say(event="failed", text=str(serving.exception()))
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
