"""Several nodes on one database: one of them has the connection to a carrier, and another when that one is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.links import FakeLink
from support.waiting import eventually
from support.world import DIRECTORY, World, to_send, world
from voip_sms.carriers.smpp.session import UNBIND_TIME
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.identity import Rules
from voip_sms.engine.binds import EVERY, LEASE, MARGIN, SKEW, WITHIN, Binds, renewing_unit
from voip_sms.engine.dispatch import DRAIN_SECONDS, Dispatch
from voip_sms.engine.lane import RECORD_SECONDS
from voip_sms.engine.signals import Signals
from voip_sms.engine.submit import Submit

PEER = "+48601123456"
DatabaseAnswer = Callable[[object], Awaitable[None]]
ONLY_SIM = {"sim": Carrier("sim", "smpp"), "off": Carrier("off", "smpp", enabled=False)}


class Node:
    """One process of several, with a monotonic clock that goes with the scene's."""

    def __init__(self, scene: World, name: str) -> None:
        self.context = replace(scene.context, node=name)
        self.links: list[FakeLink] = []
        self.binds = Binds(self.context, lambda: scene.clock.now() / 1_000_000)
        self.dispatch = Dispatch(self.context, Signals(), self._link, binds=self.binds)
        self.door = Submit(self.context, self.dispatch, Rules())

    def _link(self, carrier: Carrier) -> FakeLink:
        self.links.append(FakeLink(carrier.name))
        return self.links[-1]

    async def look(self) -> None:
        """What the loop does every few seconds."""
        await self.binds.try_to_renew()
        await self.dispatch.sync()

    def connected(self) -> bool:
        return bool(self.dispatch.states())


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    made.directory = replace(DIRECTORY, carriers=ONLY_SIM)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def nodes(scene: World) -> AsyncIterator[tuple[Node, Node]]:
    made = Node(scene, "one"), Node(scene, "two")
    yield made
    for node in made:
        await node.dispatch.stop(0.1)


async def test_one_has_the_connection_and_sends_what_the_other_accepts(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.look()
    await two.look()
    assert (one.connected(), two.connected()) == (True, False)
    assert two.dispatch.shown()["sim"].detail == "node one has the connection"
    assert set(one.dispatch.shown()) == {"sim"}
    assert (await two.door.submit(to_send(PEER))).items[0].message is not None
    await eventually(lambda: len(one.links[0].sent) == 1)
    assert two.links == []


async def test_it_stays_with_whom_it_is(scene: World, nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    for _ in range(20):
        await one.look()
        await two.look()
        scene.clock.advance(5)
    assert len(one.links) == 1
    assert not two.connected()


async def test_who_dies_is_followed_when_the_lease_is_over(scene: World, nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.look()
    scene.clock.advance(LEASE + SKEW - 1)
    await two.look()
    assert not two.connected()
    scene.clock.advance(2)
    await two.look()
    assert two.connected()
    await one.look()  # it was only asleep
    assert not one.connected()


async def away(_unit: object) -> None:
    """A database that is gone."""
    raise StoreUnavailableError


async def silent(_unit: object) -> None:
    """A database that does not answer: the longest of our own waits is over before it does."""
    await asyncio.sleep(60)


@pytest.mark.parametrize("database", [away, silent])
async def test_who_cannot_renew_lets_go_before_another_may_take_it(
    scene: World, nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch, database: DatabaseAnswer
) -> None:
    one, _ = nodes
    await one.look()
    monkeypatch.setattr("voip_sms.engine.binds.WITHIN", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(scene.writer, "do", database)
        scene.clock.advance(LEASE - MARGIN - 1)
        await one.look()
        assert one.dispatch.states()
        scene.clock.advance(2)
        await one.binds.try_to_renew()
    held = one.binds.mine("sim")
    assert not held
    await one.dispatch.sync()
    assert not one.dispatch.states()


def test_it_has_the_time_that_letting_go_takes() -> None:
    """Noticed, a claim waited for, answers waited for, unbound, written down: then the lease is over."""
    assert MARGIN >= EVERY + WITHIN + RECORD_SECONDS + DRAIN_SECONDS + UNBIND_TIME + RECORD_SECONDS


async def test_a_claim_that_hangs_does_not_keep_the_connection(
    scene: World, nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = nodes
    monkeypatch.setattr("voip_sms.engine.lane.RECORD_SECONDS", 0.05)
    await one.look()
    with monkeypatch.context() as patch:
        asked = asyncio.Event()

        async def never(_unit: object) -> None:
            asked.set()
            await asyncio.Event().wait()

        patch.setattr(scene.writer, "do", never)
        await asked.wait()
        async with asyncio.timeout(5):
            await one.dispatch.stop(0.1)
    assert one.links[0].stopped


async def test_who_stops_hands_it_over_at_once(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.look()
    await two.look()
    await one.dispatch.stop(0.1)
    await one.binds.release()
    await two.look()
    assert two.connected()


async def test_the_same_node_has_it_again_after_a_restart(scene: World, nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.look()
    again = Node(scene, "one")
    await again.look()
    await two.look()
    assert (again.connected(), two.connected()) == (True, False)
    await again.dispatch.stop(0.1)


async def test_many_at_once_are_one(scene: World) -> None:
    units = [renewing_unit(["sim"], f"n{number}", scene.clock.now()) for number in range(10)]
    owners = await asyncio.gather(*(scene.writer.do(unit) for unit in units))
    assert len({found["sim"] for found in owners}) == 1


async def test_a_new_carrier_and_one_switched_off(scene: World, nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.look()
    scene.directory = replace(
        scene.directory, generation=2, carriers={**ONLY_SIM, "alt": Carrier("alt", "smpp")}
    )
    await two.look()
    await one.look()
    assert (set(one.dispatch.states()), set(two.dispatch.states())) == ({"sim"}, {"alt"})


async def test_the_loop_tells_of_a_change(
    scene: World, nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = nodes
    told: list[bool] = []
    monkeypatch.setattr("voip_sms.engine.binds.EVERY", 0.01)

    async def changed() -> None:
        told.append(one.binds.mine("sim"))

    task = asyncio.create_task(one.binds.run(changed))
    await eventually(lambda: told == [True])
    await scene.update("carrier_bind", ("sim",), node="two", until=scene.clock.now() + LEASE * 1_000_000)
    await eventually(lambda: told == [True, False])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
