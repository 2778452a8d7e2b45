"""Configuration as use cases: a whole file at once (`apply`), or one object at a time (API, panel)."""
