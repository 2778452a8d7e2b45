"""What is wanted, what was found, and the two side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.rounds import Rounds, middle


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio with its floor and what we are after; `less` when smaller is better."""

    name: str
    floor: float
    aim: float
    less: bool = False

    def verdict(self, ratio: float) -> str:
        sign = -1 if self.less else 1
        if sign * ratio >= sign * self.aim:
            return "reached"
        return "floor held" if sign * ratio >= sign * self.floor else "BELOW THE FLOOR"


ACCEPT = Goal("accept against Kannel's spool store", 1.0, 2.0)
DRAIN = Goal("submitted to drain against Kannel", 1.0, 2.0)
LATENCY = Goal("p99 against Kannel", 1.2, 0.7, less=True)
EMPTY = Goal("accept against an empty aiohttp endpoint", 0.15, 0.4)
WINDOW = Goal("windowed SMPP client against window/RTT", 0.9, 0.95)
SIP = Goal("SIP MESSAGE against an edge without a store", 0.3, 0.6)
MAIL = Goal("mail accepted against aiosmtpd's empty handler", 0.3, 0.5)
JUNK = Goal("p95 of a phone beside 2,000 junk/s, of 50 ms", 1.0, 0.5, less=True)
PANEL = Goal("p95 of the panel's slowest page, of 100 ms", 1.0, 0.5, less=True)
RECEIPTS = Goal("accept with receipts against without", 0.6, 0.8)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the answer."""

    goal: Goal
    who: str
    ratio: float


def figures(title: str, rounds: Rounds) -> str:
    """The contestants' medians."""
    lines = [
        f"{title}, median of {len(rounds)} rounds",
        (
            f"  {'':24}{'accepted/s':>12}{'submitted/s':>12}{'p50 ms':>9}{'p99 ms':>9}"
            f"{'CPU µs each':>13}{'RSS MB':>9}"
        ),
    ]
    for name in rounds[0]:
        of = middle(rounds, name)
        submitted = f"{of.submitted:.0f}" if of.submitted else "-"
        lines.append(
            f"  {name:24}{of.accepted:12.0f}{submitted:>12}{of.p50:9.2f}{of.p99:9.2f}"
            f"{of.processor:13.0f}{of.memory:9.0f}"
        )
    return "\n".join(lines)


def ratios(results: Sequence[Result]) -> str:
    """All ratios with their floors and aims."""
    lines = [f"{'ratio':46}{'of':28}{'measured':>9}{'floor':>7}{'aim':>7}"]
    lines += [
        f"{one.goal.name:46}{one.who:28}{one.ratio:8.2f}x{one.goal.floor:6.2f}x{one.goal.aim:6.2f}x"
        f"  {one.goal.verdict(one.ratio)}"
        for one in results
    ]
    return "\n".join(lines)


def missed(results: Iterable[Result]) -> bool:
    """Whether a floor was not held."""
    return any(one.goal.verdict(one.ratio).startswith("BELOW") for one in results)
