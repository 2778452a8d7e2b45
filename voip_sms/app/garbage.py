"""How often the interpreter looks for cycles: seldom, and never through what was there from the start."""

import gc
from typing import Final

THRESHOLDS: Final = (20_000, 10, 10)
"""The first counts objects. Measured under load, after `tame`: with Python's 700 looking takes a sixth of the
processor, with 5,000 six hundredths, with 50,000 two; what is left lying until then is a few megabytes."""


def tame() -> None:
    """Call once when everything is wired and read.

    Modules, models and tables are over a hundred thousand objects that never go. Going through them took a
    fifth of the processor under load, and held everybody up for a tenth of a second at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
