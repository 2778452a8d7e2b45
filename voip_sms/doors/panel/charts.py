"""Bars and lines as plain geometry, which a template draws as SVG, with a table of the numbers behind it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_WIDTH: Final = 720
_HEIGHT: Final = 220
_LEFT: Final = 44
"""Least room for the labels of the upright axis."""
_DIGIT: Final = 10
"""Room for each of their characters, as large as they are on a phone."""
_RIGHT: Final = 8
_TOP: Final = 12
_BOTTOM: Final = 26
_STEPS: Final = 4
"""Grid lines above the floor: enough to read a bar by, few enough to see it."""
_LABELS: Final = 12
"""Labels along the floor: as many as fit side by side on a phone."""
_GAP: Final = 0.28
"""Of a bar's place, what is left free beside it."""
_RADIUS: Final = 2.0
SERIES_MOST: Final = 3
"""Kinds in one chart: as many colours as can be told apart without a legend at hand."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at an axis; `at` in the drawing's units."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle. `series` from 1 on; `label` says its number in words, for who points at it."""

    series: int
    x: float
    y: float
    width: float
    height: float
    radius: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line that can be pointed at."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through its `points`, as SVG's polyline wants them (SVG 2, section 10.5)."""

    series: int
    points: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table behind: the same numbers as text."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All that `ui.chart` draws. `id` is unique on its page; `axis`: what the labels along the floor are."""

    id: str
    title: str
    description: str
    axis: str
    names: tuple[str, ...]
    up: tuple[Tick, ...]
    along: tuple[Tick, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    width: int = _WIDTH
    height: int = _HEIGHT
    left: float = _LEFT
    right: int = _WIDTH - _RIGHT

    @property
    def heads(self) -> list[tuple[str, str]]:
        """Headings of the numbers' columns, as `ui.table` takes them."""
        return [(name, "num") for name in self.names]


@dataclass(frozen=True, slots=True)
class Data:
    """What a chart shows: under each label one number of each name, at least 0.

    `shown` writes a number as the reader does (`Words.number`). At most SERIES_MOST names.
    """

    id: str
    title: str
    axis: str
    names: Sequence[str]
    points: Sequence[tuple[str, Sequence[float]]]
    shown: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where things stand: places begin at `left`, each is `place` wide; `top` is the highest number."""

    left: float
    place: float
    top: float

    @classmethod
    def of(cls, data: Data) -> "_Ground":
        """As wide as its labels leave it. ValueError: too many names."""
        if len(data.names) > SERIES_MOST:
            raise ValueError(f"a chart has {SERIES_MOST} names at most")
        top = nice(max((value for _, values in data.points for value in values), default=0))
        left = max(_LEFT, _DIGIT * (1 + max(len(data.shown(value)) for value in _steps(top))))
        return cls(left, (_WIDTH - left - _RIGHT) / max(len(data.points), 1), top)

    def x(self, at: float) -> float:
        """Of the place with this number, 0 is the first; halves are middles."""
        return self.left + at * self.place

    def y(self, value: float) -> float:
        """Of a number."""
        return round(_floor() - max(value, 0) / self.top * (_floor() - _TOP), 2)


def bars(data: Data) -> Chart:
    """Names beside each other under every label: what happened in each hour."""
    ground = _Ground.of(data)
    width = ground.place * (1 - _GAP) / max(len(data.names), 1)

    def drawn() -> Iterator[Bar]:
        for at, (label, values) in enumerate(data.points):
            begin = ground.x(at + _GAP / 2)
            for series, value in enumerate(values):
                if value <= 0:
                    continue
                y = ground.y(value)
                said = f"{label}, {data.names[series]}: {data.shown(value)}"
                x = round(begin + series * width, 2)
                radius = round(min(_RADIUS, width / 3), 2)
                yield Bar(series + 1, x, y, round(width * 0.9, 2), round(_floor() - y, 2), radius, said)

    return _chart(data, ground, bars=tuple(drawn()))


def lines(data: Data) -> Chart:
    """A line for each name: how something went over time."""
    ground = _Ground.of(data)

    def drawn() -> Iterator[Line]:
        for series, name in enumerate(data.names):
            dots = tuple(
                Dot(
                    round(ground.x(at + 0.5), 2),
                    ground.y(values[series]),
                    f"{label}, {name}: {data.shown(values[series])}",
                )
                for at, (label, values) in enumerate(data.points)
            )
            yield Line(series + 1, " ".join(f"{dot.x:g},{dot.y:g}" for dot in dots), dots)

    return _chart(data, ground, lines=tuple(drawn()))


def nice(most: float) -> float:
    """The lowest round number from `most` up whose four steps are whole: counts have no halves."""
    if most <= _STEPS:
        return float(_STEPS)
    power = 10.0
    while power * 10 <= most:
        power *= 10
    steps = (0.4, 0.8, 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
    return next(top for top in (power * one for one in steps) if top >= most and top % _STEPS == 0)


def _chart(data: Data, ground: _Ground, *, bars: tuple[Bar, ...] = (), lines: tuple[Line, ...] = ()) -> Chart:
    every = max(1, -(-len(data.points) // _LABELS))
    return Chart(
        id=data.id,
        title=data.title,
        description=_described(data),
        axis=data.axis,
        names=tuple(data.names),
        up=tuple(Tick(ground.y(value), data.shown(value)) for value in _steps(ground.top)),
        along=tuple(
            Tick(round(ground.x(at + 0.5), 2), label)
            for at, (label, _) in enumerate(data.points)
            if at % every == 0
        ),
        rows=tuple(Row(label, tuple(map(data.shown, values))) for label, values in data.points),
        bars=bars,
        lines=lines,
        left=ground.left,
    )


def _described(data: Data) -> str:
    """The whole of each name: what one takes from the picture at a glance."""
    sums = [sum(values[series] for _, values in data.points) for series in range(len(data.names))]
    said = (f"{name}: {data.shown(whole)}" for name, whole in zip(data.names, sums, strict=True))
    return ", ".join(said)


def _steps(top: float) -> Iterator[float]:
    """What the upright axis says."""
    return (top * step / _STEPS for step in range(_STEPS + 1))


def _floor() -> int:
    return _HEIGHT - _BOTTOM
