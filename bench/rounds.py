"""Alternating rounds: everybody once a round, each time another one first; medians of ratios."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import LoadFailedError


@dataclass(frozen=True, slots=True)
class Sample:
    """One contestant's turn: messages per second, latencies in ms, processor µs per message, MB resident.

    `submitted` is what reached the carrier per second, from the first request to the last submit; 0: there is
    no carrier.
    """

    accepted: float
    p50: float
    p99: float
    submitted: float = 0.0
    processor: float = 0.0
    memory: float = 0.0


Turn = Callable[[], Awaitable[Sample]]
Rounds = Sequence[Mapping[str, Sample]]


async def alternate(turns: Mapping[str, Turn], count: int) -> Rounds:
    """`count` rounds. A turn that fails fails the comparison, with the contestant's name.

    The order moves on by one: nobody is always behind the same one, and nearly always the same time passes
    between two turns of one contestant, whose disk may still be at work on what it left (Kannel's is).
    """
    rounds: list[dict[str, Sample]] = []
    for n in range(count):
        names = list(turns)
        first = n % len(names)
        found: dict[str, Sample] = {}
        for name in names[first:] + names[:first]:
            try:
                found[name] = await turns[name]()
            except LoadFailedError as error:
                raise LoadFailedError(f"{name}, round {n + 1}: {error}") from None
            show = found[name]
            print(
                f"  round {n + 1} {name:24} accepted {show.accepted:7.0f}/s  p99 {show.p99:7.2f} ms"
                f"  submitted {show.submitted:7.0f}/s",
                flush=True,
            )
        rounds.append(found)
    return rounds


def middle(rounds: Rounds, name: str) -> Sample:
    """A contestant's medians."""
    of = [one[name] for one in rounds]
    return Sample(*(median(getattr(sample, field) for sample in of) for field in Sample.__slots__))


def ratio(rounds: Rounds, mine: str, theirs: str, figure: str) -> float:
    """The median over the rounds of mine / theirs."""
    return float(median(getattr(one[mine], figure) / getattr(one[theirs], figure) for one in rounds))
