"""What can be wrong with SMPP octets, as types."""

from voip_sms.wire.errors import WireError
from voip_sms.wire.smpp.status import RINVCMDLEN


class SmppError(WireError):
    """Anything that the codec refuses."""


class FramingError(SmppError):
    """The command_length is impossible, so the next PDU can't be found: fatal for the connection.

    `frames` are the whole PDUs that came before it in the same read.
    """

    def __init__(self, length: int, frames: tuple[bytes, ...] = ()) -> None:
        super().__init__(f"command_length {length} is out of bounds")
        self.length = length
        self.frames = frames


class DecodeError(SmppError):
    """One PDU is malformed inside a sound frame: answer `status` to `sequence`, the connection lives on."""

    def __init__(self, detail: str, command: int, sequence: int, status: int = RINVCMDLEN) -> None:
        super().__init__(detail)
        self.command = command
        self.sequence = sequence
        self.status = status


class EncodeError(SmppError):
    """A field doesn't fit its place in the PDU."""
