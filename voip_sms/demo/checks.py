"""What a step of the story holds to be so, and its complaint when it is not."""


def expect(holds: bool, complaint: str) -> None:  # noqa: FBT001 - reads as a sentence at every call
    """AssertionError with the complaint unless it holds."""
    if not holds:
        raise AssertionError(complaint)


def equal(seen: object, wanted: object) -> None:
    """AssertionError with both unless they are equal."""
    expect(seen == wanted, f"{seen!r} instead of {wanted!r}")
