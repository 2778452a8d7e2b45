"""How a request to the PBX can fail; the texts never hold what was sent."""


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
