"""What the panel's own style promises: readable in both themes, nothing inline, no picture that is missing."""

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import product

import pytest

from voip_sms.doors.panel import charts

PANEL = resources.files("voip_sms.doors.panel")
CSS = PANEL.joinpath("static", "panel.css").read_text()
TEXT, MARK = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11 (AA)
GROUNDS = ("ground", "surface", "sunken")
TONES = ("good", "warn", "bad", "info", "mute")
TEXTS = [
    *product(("ink", "soft", "accent", "accent-strong", "good", "warn", "bad"), GROUNDS),
    *((tone, f"{tone}-ground") for tone in TONES),
    ("accent", "accent-ground"),
    ("accent-strong", "accent-ground"),
    ("ink", "accent-ground"),
    ("soft", "accent-ground"),
    ("ink", "warn-ground"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-bad", "bad"),
    ("on-bad", "bad-strong"),
    ("surface", "ink"),
]
MARKS = [*product(("edge", "accent", "series-1", "series-2", "series-3"), GROUNDS)]


def tokens(theme: str) -> Mapping[str, str]:
    """The colours of a theme: what the dark one doesn't say again stays."""
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", dark)) if theme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative, of sRGB (WCAG 2.2, glossary)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_whatever_is_written_can_be_read(theme: str) -> None:
    colours = tokens(theme)
    wanted = [(pair, TEXT) for pair in TEXTS] + [(pair, MARK) for pair in MARKS]
    measured = {pair: (contrast(colours[pair[0]], colours[pair[1]]), least) for pair, least in wanted}
    assert {pair: round(has, 2) for pair, (has, least) in measured.items() if has < least} == {}


def test_the_measure_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_token_that_is_used_is_there() -> None:
    used, made = set(re.findall(r"var\(--([\w-]+)\)", CSS)), set(re.findall(r"--([\w-]+):", CSS))
    assert used - made == set()


def test_a_chart_has_a_colour_for_all_its_names() -> None:
    for number in range(1, charts.SERIES_MOST + 1):
        assert f"--series-{number}:" in CSS
        assert f".series-{number} {{" in CSS


def templates() -> Iterator[tuple[str, str]]:
    for folder in PANEL.joinpath("templates").iterdir():
        for file in folder.iterdir():
            yield f"{folder.name}/{file.name}", file.read_text()


def test_nothing_is_inline_and_nothing_goes_unescaped() -> None:
    """The policy forbids scripts and styles in a page; a template has no way around the escaping."""
    forbidden = re.compile(
        r"""\sstyle\s*=|<style|\son\w+\s*=\s*["']|<script(?![^>]*\ssrc=)|\|\s*safe\b|javascript:"""
    )
    assert {name: found for name, text in templates() if (found := forbidden.findall(text))} == {}


def test_every_picture_is_in_the_sprite() -> None:
    there = set(re.findall(r'<symbol id="([\w-]+)"', PANEL.joinpath("static", "icons.svg").read_text()))
    asked = {
        name
        for _, text in templates()
        for name in re.findall(r'(?:ui\.icon|picture|\bicon)\("([\w-]+)"\)|icon="([\w-]+)"', text)
        for name in name
        if name
    }
    pictures = PANEL.joinpath("templates", "frame", "parts.html").read_text()
    asked |= set(re.findall(r': "([\w-]+)"', pictures.split("set pictures = {")[1].split("} %}")[0]))
    assert asked - there == set()
