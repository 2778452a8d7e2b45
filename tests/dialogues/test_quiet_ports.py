"""Servers of tests and demo that start at once never draw one port twice."""

import asyncio
import sys

from voip_sms.demo.ports import BLOCK, QuietPorts, quiet_port

DRAW_AND_STAY = """
from voip_sms.demo.ports import quiet_port
print(quiet_port(), flush=True)
input()
"""


def test_no_port_twice_within_a_block_and_none_beside_another():
    ports = QuietPorts()

    drawn = {ports.draw() for _ in range(BLOCK // 4)}

    assert len(drawn) == BLOCK // 4
    assert not drawn & {port + 1 for port in drawn}


async def test_processes_draw_from_different_blocks():
    others = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DRAW_AND_STAY),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]

    async with asyncio.timeout(60):
        lines = [await other.stdout.readline() for other in others if other.stdout]
        for other in others:
            await other.communicate(b"\n")

    blocks = {int(line) // BLOCK for line in lines} | {quiet_port() // BLOCK}
    assert len(blocks) == len(others) + 1
