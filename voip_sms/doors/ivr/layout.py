"""Where the boxes of a picture stand: columns from left to right, few crossings, lines nearly straight.

Layers, dummies where a line passes a column, barycentres, then least squares: K. Sugiyama, S. Tagawa,
M. Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981). All lines to one box
that pass a column pass it as one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 16
"""From then on nothing gets better."""
_GAP: Final = 28.0
"""Between boxes of a column."""
_LINE: Final = 6.0
"""What a passing line takes of a column's height."""


@dataclass(frozen=True, slots=True)
class Box:
    """Something with lines out of it: `exits` are targets, each with its place below the top; lines come in
    at `entry` below the top.
    """

    name: str
    height: float
    entry: float
    exits: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line from the exit `place` of `source` to `target`, which passes these heights in the columns
    between; `back`: it would run backwards, and isn't drawn.
    """

    source: str
    place: int
    target: str
    passes: tuple[float, ...]
    back: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Column and top of each box, from (0, 0) on, and the lines between them."""

    at: Mapping[str, tuple[int, float]]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    """A piece of a line, from one column to the next; offsets are below the tops of its ends."""

    left: str
    leaves: float
    right: str
    arrives: float


def arrange(boxes: Sequence[Box], roots: Sequence[str]) -> Arrangement:
    """Stand the boxes; the roots begin the picture, and every box is reached from one of them."""
    named = {box.name: box for box in boxes}
    order, back = _walk(named, roots)
    column = _columns(named, order, back)
    links = list(_links(named, column, back))
    heights = {box.name: box.height for box in boxes}
    for link in links:
        heights.setdefault(link.left, _LINE)
        heights.setdefault(link.right, _LINE)
    filled = _filled(order, column, links)
    _sort(filled, links, heights)
    tops = _tops(filled, links, heights)
    highest = min(tops[box.name] for box in boxes)
    tops = {name: top - highest for name, top in tops.items()}
    at = {box.name: (column[box.name], tops[box.name]) for box in boxes}
    return Arrangement(at, tuple(_lines(named, column, back, tops)))


def _walk(named: Mapping[str, Box], roots: Sequence[str]) -> tuple[list[str], set[tuple[str, int]]]:
    """The boxes, each before those it leads to, and the exits that lead back to a box on the way here."""
    left: list[str] = []
    entered: set[str] = set()
    back: set[tuple[str, int]] = set()
    for root in roots:
        if root in entered:
            continue
        entered.add(root)
        way = [(root, enumerate(named[root].exits))]
        while way:
            name, exits = way[-1]
            place, (target, _) = next(exits, (-1, ("", 0.0)))
            if place < 0:
                left.append(name)
                way.pop()
            elif target not in entered:
                entered.add(target)
                way.append((target, enumerate(named[target].exits)))
            elif any(target == passed for passed, _ in way):
                back.add((name, place))
    return left[::-1], back


def _columns(named: Mapping[str, Box], order: Sequence[str], back: set[tuple[str, int]]) -> dict[str, int]:
    """As far to the right as the longest way there."""
    column = dict.fromkeys(order, 0)
    for name in order:
        for place, (target, _) in enumerate(named[name].exits):
            if (name, place) not in back:
                column[target] = max(column[target], column[name] + 1)
    return column


def _passing(target: str, column: int) -> str:
    """The name of the place where lines to `target` pass a column; no step has such a name."""
    return f"{target}@{column}"


def _links(
    named: Mapping[str, Box], column: Mapping[str, int], back: set[tuple[str, int]]
) -> Iterator[_Link]:
    known: set[tuple[str, str]] = set()
    for box in named.values():
        for place, (target, offset) in enumerate(box.exits):
            if (box.name, place) in back:
                continue
            here, leaves = box.name, offset
            for passed in range(column[box.name] + 1, column[target]):
                following = _passing(target, passed)
                if here == box.name or (here, following) not in known:
                    known.add((here, following))
                    yield _Link(here, leaves, following, _LINE / 2)
                here, leaves = following, _LINE / 2
            if here == box.name or (here, target) not in known:
                known.add((here, target))
                yield _Link(here, leaves, target, named[target].entry)


def _filled(order: Sequence[str], column: Mapping[str, int], links: Sequence[_Link]) -> list[list[str]]:
    """The columns with everything in them, lines that pass included."""
    filled: list[list[str]] = [[] for _ in range(max(column.values()) + 1)]
    for name in order:
        filled[column[name]].append(name)
    for link in links:
        name, _, passed = link.right.rpartition("@")
        if name and link.right not in filled[int(passed)]:
            filled[int(passed)].append(link.right)
    return filled


# --- the order within columns -------------------------------------------------------------------------------


def _sort(filled: list[list[str]], links: Sequence[_Link], heights: Mapping[str, float]) -> None:
    """Put each column into the order with the fewest crossings that the sweeps come upon."""
    best, fewest = [list(names) for names in filled], _crossings(filled, links, heights)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        places = range(1, len(filled)) if forwards else range(len(filled) - 2, -1, -1)
        for place in places:
            _by_neighbours(filled[place], filled[place - 1 if forwards else place + 1], links, heights)
        crossings = _crossings(filled, links, heights)
        if crossings < fewest:
            best, fewest = [list(names) for names in filled], crossings
    filled[:] = best


def _by_neighbours(
    names: list[str], beside: Sequence[str], links: Sequence[_Link], heights: Mapping[str, float]
) -> None:
    rank = _ranks(beside, heights)
    pulls: dict[str, list[float]] = defaultdict(list)
    for link in links:
        if link.left in rank:
            pulls[link.right].append(rank[link.left] + link.leaves)
        if link.right in rank:
            pulls[link.left].append(rank[link.right] + link.arrives)
    own = _ranks(names, heights)
    names.sort(key=lambda name: sum(pulls[name]) / len(pulls[name]) if pulls[name] else own[name])


def _ranks(names: Sequence[str], heights: Mapping[str, float]) -> dict[str, float]:
    """Tops, as if the column were packed."""
    ranks: dict[str, float] = {}
    top = 0.0
    for name in names:
        ranks[name] = top
        top += heights[name]
    return ranks


def _crossings(filled: Sequence[Sequence[str]], links: Sequence[_Link], heights: Mapping[str, float]) -> int:
    count = 0
    for left, right in pairwise(filled):
        at, to = _ranks(left, heights), _ranks(right, heights)
        ends = sorted(
            (at[link.left] + link.leaves, to[link.right] + link.arrives) for link in links if link.left in at
        )
        count += sum(
            ends[one][1] > ends[other][1] and ends[one][0] < ends[other][0]
            for one in range(len(ends))
            for other in range(one + 1, len(ends))
        )
    return count


# --- heights ------------------------------------------------------------------------------------------------


def _tops(
    filled: Sequence[Sequence[str]], links: Sequence[_Link], heights: Mapping[str, float]
) -> dict[str, float]:
    """Tops that make the lines as straight as the order and the gaps allow."""
    into: dict[str, list[_Link]] = defaultdict(list)
    out: dict[str, list[_Link]] = defaultdict(list)
    for link in links:
        into[link.right].append(link)
        out[link.left].append(link)
    tops = {name: rank for names in filled for name, rank in _ranks(names, heights).items()}

    def from_left(name: str) -> list[float]:
        return [tops[link.left] + link.leaves - link.arrives for link in into[name]]

    def from_right(name: str) -> list[float]:
        return [tops[link.right] + link.arrives - link.leaves for link in out[name]]

    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 1
        pulls: Callable[[str], list[float]] = from_left if forwards else from_right
        for names in filled if forwards else reversed(filled):
            wished = [_mean(pulls(name), tops[name]) for name in names]
            tops.update(zip(names, _apart(names, wished, heights), strict=True))
    return tops


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _apart(names: Sequence[str], wished: Sequence[float], heights: Mapping[str, float]) -> list[float]:
    """The tops nearest to the wishes at which nothing touches: isotonic regression by pooling neighbours."""
    offsets: list[float] = []
    offset = 0.0
    for name in names:
        offsets.append(offset)
        offset += heights[name] + _GAP
    pools: list[tuple[float, int]] = []
    for wish, shift in zip(wished, offsets, strict=True):
        mean, count = wish - shift, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    settled = [mean for mean, count in pools for _ in range(count)]
    return [base + shift for base, shift in zip(settled, offsets, strict=True)]


def _lines(
    named: Mapping[str, Box],
    column: Mapping[str, int],
    back: set[tuple[str, int]],
    tops: Mapping[str, float],
) -> Iterator[Line]:
    for box in named.values():
        for place, (target, _) in enumerate(box.exits):
            is_back = (box.name, place) in back
            passed = range(column[box.name] + 1, column[target]) if not is_back else range(0)
            heights = tuple(tops[_passing(target, one)] + _LINE / 2 for one in passed)
            yield Line(box.name, place, target, heights, is_back)
