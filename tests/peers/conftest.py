"""A service whose panel people use in a browser, unless a module has a `stage` of its own."""

from support.panel import stage

__all__ = ["stage"]
