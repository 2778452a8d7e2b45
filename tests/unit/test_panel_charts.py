"""Charts: the drawing says what the numbers say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.doors.panel import charts
from voip_sms.doors.panel.charts import Data
from voip_sms.doors.panel.frame.words import Catalogues

ENGLISH, POLISH = (Catalogues.load().of(language) for language in ("en", "pl"))


def day(*values: tuple[float, ...], names: tuple[str, ...] = ("sent", "received")) -> Data:
    points = [(f"{at}:00", value) for at, value in enumerate(values)]
    return Data("day", "Today", "Hour", names, points, ENGLISH.number)


def test_a_bar_is_as_high_as_its_number() -> None:
    chart = charts.bars(day((100, 50), (0, 25)))
    assert [tick.label for tick in chart.up] == ["0", "25", "50", "75", "100"]
    heights = {(bar.series, bar.label): bar.height for bar in chart.bars}
    whole = chart.up[0].at - chart.up[-1].at
    assert heights == {
        (1, "0:00, sent: 100"): whole,
        (2, "0:00, received: 50"): whole / 2,
        (2, "1:00, received: 25"): whole / 4,
    }
    assert all(bar.y + bar.height == pytest.approx(chart.up[0].at) for bar in chart.bars)


def test_the_table_behind_has_all_numbers_and_the_description_their_sums() -> None:
    chart = charts.bars(day((100, 50), (0, 25)))
    assert [(row.label, row.values) for row in chart.rows] == [("0:00", ("100", "50")), ("1:00", ("0", "25"))]
    assert chart.description == "sent: 100, received: 75"
    assert chart.heads == [("sent", "num"), ("received", "num")]


def test_a_line_goes_through_every_point() -> None:
    (line,) = charts.lines(day((4,), (0,), (2,), names=("queued",))).lines
    highest, floor, middle = (dot.y for dot in line.dots)
    assert highest < middle < floor
    assert middle == pytest.approx((highest + floor) / 2)
    assert line.points == " ".join(f"{dot.x:g},{dot.y:g}" for dot in line.dots)


def test_numbers_are_written_as_the_reader_does() -> None:
    chart = charts.bars(
        Data(
            "a",
            "b",
            "c",
            ("PLN",),
            [("Monday", (1.5,))],
            shown=lambda value: f"{value:.2f}".replace(".", ","),
        )
    )
    assert chart.bars[0].label == "Monday, PLN: 1,50"
    assert chart.rows[0].values == ("1,50",)


def test_large_numbers_are_whole_and_grouped_and_have_their_room() -> None:
    data = day((1_000_000, 999), (2_345_678, 12_345))
    chart = charts.bars(data)
    assert [tick.label for tick in chart.up] == ["0", "600,000", "1,200,000", "1,800,000", "2,400,000"]
    assert chart.rows[1].values == ("2,345,678", "12,345")
    assert chart.description == "sent: 3,345,678, received: 13,344"
    assert chart.bars[0].label == "0:00, sent: 1,000,000"
    assert chart.left >= 10 * len("2,400,000"), "labels end 8 before it, and are 20 high on a phone"
    assert min(bar.x for bar in chart.bars) >= chart.left
    polish = charts.lines(replace(data, shown=POLISH.number))
    assert polish.rows[0].values == ("1\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000", "999")


def test_a_long_time_has_labels_that_fit() -> None:
    chart = charts.bars(day(*[(1, 1)] * 96))
    assert len(chart.along) == 12
    assert len(chart.rows) == 96


def test_nothing_is_a_chart_too() -> None:
    assert charts.bars(day()).bars == ()
    assert charts.lines(day(names=("a",))).lines[0].points == ""
    assert charts.bars(day((0, 0))).bars == ()


def test_more_names_than_colours_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="3 names"):
        charts.bars(day((1, 2, 3, 4), names=("a", "b", "c", "d")))


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_the_axis_is_round_and_not_much_higher_than_the_highest(most: float) -> None:
    top = charts.nice(most)
    assert top >= most
    assert top <= max(4, most * 2.5)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=100))
def test_everything_is_within_the_drawing(values: list[tuple[int, int]]) -> None:
    chart = charts.bars(day(*values))
    for bar in chart.bars:
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.right
        assert 0 <= bar.y <= chart.height
    assert len(chart.bars) == sum(value > 0 for pair in values for value in pair)
