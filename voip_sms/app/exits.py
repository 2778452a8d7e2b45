"""How a command ends, told to whoever started it."""

from enum import IntEnum


class Exit(IntEnum):
    """The contract's exit codes (`docs/contract.md`)."""

    OK = 0
    FAILED = 1
    CONFIGURATION = 2
    DATABASE = 3
    PORT_IN_USE = 4
