"""Whether a sender name can be taken for another one: what an approver wants to be warned of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from voip_sms.core.originators import folded

SHORTEST_INSIDE: Final = 4
"""A name of three letters is inside many words by chance."""
LONGEST_SLIP: Final = 5
"""From so many letters on, one that differs is easily overlooked."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """`same`: a quick eye reads both as one (case, blanks, look-alikes); `inside`: one is within the other;
    `slip`: one letter differs.
    """

    name: str
    how: Literal["same", "inside", "slip"]


def likenesses(name: str, others: Iterable[str]) -> Iterator[Likeness]:
    """Those of `others` that `name` may be taken for."""
    mine = folded(name)
    for other in others:
        theirs = folded(other)
        if not mine or not theirs:
            continue
        if mine == theirs:
            yield Likeness(other, "same")
        elif min(len(mine), len(theirs)) >= SHORTEST_INSIDE and (mine in theirs or theirs in mine):
            yield Likeness(other, "inside")
        elif min(len(mine), len(theirs)) >= LONGEST_SLIP and _one_apart(mine, theirs):
            yield Likeness(other, "slip")


def _one_apart(one: str, other: str) -> bool:
    """Whether one letter changed, left out or put in makes one of the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    begin = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    if len(one) == len(other):
        return one[begin + 1 :] == other[begin + 1 :]
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[begin + 1 :] == shorter[begin:]
