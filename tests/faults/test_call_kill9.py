"""Killed with -9 while calls send: each step of each call sends one SMS, is counted once and charged once."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from support.fakes import FakeClock
from support.world import PRICE, World, world

CALLS = 60
KILLS = (1, 9, 24, 41)
"""After so many answers; what is asked for by then is at every stage between the call and the commit."""
TESTS = Path(__file__).parents[1]


async def load(url: str, *, kill_after: int | None = None) -> list[str]:
    """Every call asks; the answers that were heard. Killed after so many of them, or left to end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "support.call_load", url, str(CALLS)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
    )
    assert process.stdout is not None
    heard: list[str] = []
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            heard.append(line.decode().strip())
            if len(heard) == kill_after:
                process.kill()
        await process.wait()
    assert kill_after is not None or process.returncode == 0
    return heard


async def test_a_step_sends_once_whenever_the_process_dies(database_url: str) -> None:
    scene: World = world(database_url, FakeClock())
    await scene.start()
    heard: set[str] = set()
    for answers in KILLS:
        heard.update(await load(database_url, kill_after=answers))
    assert len(heard) > max(KILLS) // 2, "it was killed in the middle"
    before = {row["client_ref"]: row["id"] for row in await scene.rows("message")}
    assert {line.split()[0] for line in heard} <= set(before), "what was said to be sent is there"

    last = await load(database_url)
    assert sorted(last) == sorted(f"1.{number} sent" for number in range(CALLS)), "none met its own limit"
    messages = await scene.rows("message")
    assert Counter(row["client_ref"] for row in messages) == {f"1.{number}": 1 for number in range(CALLS)}
    assert before.items() <= {row["client_ref"]: row["id"] for row in messages}.items(), "none was sent anew"
    counts = {row["scope"]: row["n"] for row in await scene.rows("usage")}
    assert counts["ivr:address"] == CALLS
    assert Counter(counts.values()) == {CALLS: 1, 1: CALLS}
    [balance] = [row for row in await scene.rows("balance") if row["reserved"]]
    assert balance["reserved"] == CALLS * PRICE
    await scene.stop()
