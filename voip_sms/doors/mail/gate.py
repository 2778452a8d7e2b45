"""Looks at the octets of a connection before they are parsed: lines must end in CRLF, and must end."""

from typing import Final

from voip_sms.doors.mail.answers import BARE_LF, ENDLESS_LINE, Answer

LINE_LONGEST: Final = 1_048_576
"""Octets without a line end that are still waited for; the parser keeps them until it refuses the line."""


class Gate:
    """One connection's octets, in order.

    A bare LF may be a line end to one server and none to another; so one mail can hide a second with a
    writer of its own ("SMTP smuggling"). RFC 5321 2.3.8 has lines end in CRLF only.
    """

    __slots__ = ("_after_cr", "_run")

    def __init__(self) -> None:
        self._after_cr = False
        self._run = 0

    def feed(self, octets: bytes) -> Answer | None:
        """Why the connection must end here, or None."""
        ends = octets.count(b"\n")
        proper = octets.count(b"\r\n") + (self._after_cr and octets.startswith(b"\n"))
        self._after_cr = octets.endswith(b"\r")
        if ends != proper:
            return BARE_LF
        self._run = len(octets) - octets.rfind(b"\n") - 1 if ends else self._run + len(octets)
        return ENDLESS_LINE if self._run > LINE_LONGEST else None
