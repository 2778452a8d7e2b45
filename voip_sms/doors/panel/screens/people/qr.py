"""A QR code (ISO/IEC 18004) as the path of an SVG, made on the server: no script, no picture of others."""

from dataclasses import dataclass
from typing import Final

import segno

QUIET: Final = 4
"""Empty modules around it (ISO/IEC 18004, 5.3.8)."""


@dataclass(frozen=True, slots=True)
class Square:
    """`size`: of the drawing in modules, its quiet zone included; `path`: the dark ones."""

    size: int
    path: str


def square(text: str) -> Square:
    """The code of a text. A telephone reads it from a screen also with some of it hidden (level M)."""
    matrix = segno.make(text, error="m", micro=False).matrix
    rows = (_row(y, "".join("1" if one else "0" for one in row)) for y, row in enumerate(matrix, QUIET))
    return Square(len(matrix) + 2 * QUIET, "".join(rows))


def _row(y: int, modules: str) -> str:
    """Runs of dark modules: `M4 4h7v1h-7z`."""
    drawn, x = [], 0
    while (x := modules.find("1", x)) >= 0:
        end = modules.find("0", x)
        end = len(modules) if end < 0 else end
        drawn.append(f"M{x + QUIET} {y}h{end - x}v1h{x - end}z")
        x = end
    return "".join(drawn)
