"""How a request to the PBX can fail; the texts never hold what was sent."""

from typing import Final

DENIED: Final = (401, 403)
"""About who we are: what Asterisk says of these helps nobody, and only a person can mend it."""


class AriError(Exception):
    """No success. `str()` is for the operator: what happened, without credentials or texts."""


class AriUnreachableError(AriError):
    """No connection came about. Nothing was done."""


class AriLostError(AriError):
    """The request left, and no answer came in time: nobody knows whether it was done."""


class AriRefusedError(AriError):
    """The PBX said no with this HTTP status; nothing was done."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}".rstrip())
        self.status = status

    @property
    def denied(self) -> bool:
        """Whether user, password or rights are wrong."""
        return self.status in DENIED
