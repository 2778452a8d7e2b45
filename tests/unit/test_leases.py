"""2way: an answer reaches whoever texted, and never anybody else, whatever happens in whatever order."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from voip_sms.core import leases
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import Pool
from voip_sms.core.leases import REST, Holder, Term

WINDOW = 7 * DAY
POOL = Pool("pl", "sim", WINDOW, ("+48799000001", "+48799000002"))
PEER = "+48601123456"
ANNA = Holder(b"acme", "sip:102")
BOB = Holder(b"acme", "key:app")
EVIL = Holder(b"evil", "sip:102")


def row(number: str, holder: Holder, until: int, peer: str = PEER) -> dict[str, Any]:
    return {"number": number, "peer": peer} | leases.values(POOL, holder, Term(until, until + REST))


def test_the_first_text_takes_any_number_and_the_next_one_the_same() -> None:
    number = leases.pick(POOL, [], PEER, ANNA, now=0)
    assert number in POOL.numbers
    assert leases.pick(POOL, [row(number, ANNA, HOUR)], PEER, ANNA, now=1) == number


def test_two_conversations_with_one_person_get_two_numbers_and_the_third_is_refused() -> None:
    first, second = POOL.numbers
    assert leases.pick(POOL, [row(first, ANNA, HOUR)], PEER, BOB, now=0) == second
    taken = [row(first, ANNA, HOUR), row(second, BOB, HOUR)]
    assert leases.pick(POOL, taken, PEER, EVIL, now=0) is None


def test_the_same_account_name_of_another_tenant_is_somebody_else() -> None:
    assert leases.pick(POOL, [row(POOL.numbers[0], ANNA, HOUR)], PEER, EVIL, now=0) == POOL.numbers[1]


def test_a_pair_rests_before_another_gets_it_but_its_holder_may_go_on() -> None:
    taken = [row(number, ANNA, HOUR) for number in POOL.numbers]
    resting = HOUR + REST
    assert leases.pick(POOL, taken, PEER, BOB, now=resting) is None
    assert leases.pick(POOL, taken, PEER, ANNA, now=resting) in POOL.numbers
    assert leases.pick(POOL, taken, PEER, BOB, now=resting + 1) in POOL.numbers


def test_a_number_that_left_the_pool_is_not_picked_again() -> None:
    assert leases.pick(POOL, [row("+48799000099", ANNA, HOUR)], PEER, ANNA, now=0) in POOL.numbers


def test_peers_spread_over_the_pool() -> None:
    picked = {leases.pick(POOL, [], f"+486011234{n:02}", ANNA, now=0) for n in range(50)}
    assert picked == set(POOL.numbers)


def test_an_answer_counts_to_the_last_moment_of_the_window_and_not_beyond() -> None:
    lease = row(POOL.numbers[0], ANNA, HOUR)
    assert leases.holder(lease, HOUR) == ANNA
    assert leases.holder(lease, HOUR + 1) is None
    assert leases.holder(None, 0) is None


def test_the_window_counts_from_the_end_of_validity_and_never_shrinks() -> None:
    long = leases.after_mt(None, ANNA, expires_at=2 * DAY, window=WINDOW)
    assert long == Term(9 * DAY, 9 * DAY + REST)
    lease = row(POOL.numbers[0], ANNA, long.until)
    assert leases.after_mt(lease, ANNA, expires_at=HOUR, window=WINDOW) == long
    assert leases.after_mo(lease, HOUR, WINDOW) == long
    assert leases.after_mo(lease, 8 * DAY, WINDOW).until == 15 * DAY


def test_a_new_holder_does_not_inherit_the_old_ones_time() -> None:
    stale = row(POOL.numbers[0], ANNA, until=100 * DAY)
    assert leases.after_mt(stale, BOB, expires_at=DAY, window=WINDOW).until == DAY + WINDOW


# --- random interleavings -----------------------------------------------------------------------------------

HOLDERS = (ANNA, BOB, EVIL, Holder(b"evil", "mail:x"))
PEERS = ("+48601123456", "+48601123457")


@dataclass
class World:
    """The lease table driven by the functions, beside a diary written without them.

    Numbers move between two pools of one window: a lease stays with its number.
    """

    pool: Pool
    other: Pool
    now: int = 0
    table: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    texted: dict[tuple[str, str], Holder] = field(default_factory=dict)
    """Who last texted the peer from the number."""
    ends: dict[tuple[str, str], int] = field(default_factory=dict)
    """Until when an answer may come: the latest validity or answer, plus the window."""

    def move(self, which: int) -> None:
        """A number goes over to the other pool."""
        numbers = sorted(self.pool.numbers + self.other.numbers)
        number = numbers[which % len(numbers)]
        sides = [
            tuple(one for one in numbers if (one in pool.numbers) != (one == number))
            for pool in (self.pool, self.other)
        ]
        self.pool, self.other = replace(self.pool, numbers=sides[0]), replace(self.other, numbers=sides[1])

    def swap(self) -> None:
        """The next text leaves from the other pool."""
        self.pool, self.other = self.other, self.pool

    def mt(self, holder: Holder, peer: str, validity: int) -> None:
        rows = [lease for (_, whom), lease in self.table.items() if whom == peer]
        number = leases.pick(self.pool, rows, peer, holder, self.now)
        foreign = [
            pair
            for pair in ((candidate, peer) for candidate in self.pool.numbers)
            if pair in self.texted and self.texted[pair] != holder and self.now <= self.ends[pair] + REST
        ]
        if number is None:
            assert len(foreign) == len(self.pool.numbers), "refused though a number was free"
            return
        pair = (number, peer)
        assert pair not in foreign, "a pair was shared inside its window or its rest"
        expires_at = self.now + validity
        term = leases.after_mt(self.table.get(pair), holder, expires_at, self.pool.window)
        self.table[pair] = {"number": number, "peer": peer} | leases.values(self.pool, holder, term)
        kept = self.ends[pair] if self.texted.get(pair) == holder else 0
        self.texted[pair] = holder
        self.ends[pair] = max(kept, expires_at + self.pool.window)

    def mo(self, number: str, peer: str) -> None:
        pair = (number, peer)
        lease = self.table.get(pair)
        found = leases.holder(lease, self.now)
        if pair in self.texted and self.now <= self.ends[pair]:
            assert found == self.texted[pair], "an answer inside the window went astray"
        else:
            assert found is None, "an answer was given to somebody though the window is over"
        if lease is not None and found is not None:
            term = leases.after_mo(lease, self.now, self.pool.window)
            lease.update(leases.values(self.pool, found, term))
            self.ends[pair] = max(self.ends[pair], self.now + self.pool.window)


SPANS = st.sampled_from([0, 1, HOUR, DAY - 1, DAY, DAY + 1, 2 * DAY, 7 * DAY, 8 * DAY, 9 * DAY + 1])
STEPS = st.one_of(
    st.tuples(st.just("mt"), st.sampled_from(HOLDERS), st.sampled_from(PEERS), SPANS),
    st.tuples(st.just("mo"), st.integers(0, 2), st.sampled_from(PEERS), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.just(0), SPANS),
    st.tuples(st.sampled_from(["move", "swap"]), st.integers(0, 2), st.just(0), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(1, 3), window=st.sampled_from([0, HOUR, DAY, WINDOW]), steps=st.lists(STEPS, max_size=60)
)
def test_no_interleaving_misattributes_an_answer(size: int, window: int, steps: list[Any]) -> None:
    numbers = tuple(f"+4879900000{n}" for n in range(size))
    world = World(Pool("pl", "sim", window, numbers), Pool("new", "sim", window, ()))
    for kind, who, peer, span in steps:
        if kind == "mt":
            world.mt(who, peer, span)
        elif kind == "mo":
            world.mo(numbers[who % size], peer)
        elif kind == "move":
            world.move(who)
        elif kind == "swap":
            world.swap()
        else:
            world.now += span
