"""Tells every process that the configuration changed, from within a unit that changes it."""

from typing import Final

from voip_sms.store.units import Rows, State, by_key

GENERATION: Final = by_key("generation", 1)
"""What such a unit reads."""


def tell(rows: Rows, state: State) -> None:
    """The next generation; `GENERATION` was read."""
    found = state.find(GENERATION)
    if found:
        rows.update("generation", (1,), n=found[0]["n"] + 1)
    else:
        rows.insert("generation", id=1, n=1)
    rows.wakes.add("directory")
