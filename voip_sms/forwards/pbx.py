"""Hands a text to an Asterisk for one of its phones (ARI, sendMessage): what becomes of it nobody says."""

from dataclasses import replace
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from voip_sms.core.clock import to_datetime
from voip_sms.core.dispositions import receipt_of
from voip_sms.core.failures import Accepted, ContactResult, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.forwards.sip_texts import moment_of, peer_of, pieces, text_of
from voip_sms.net.ari import Ari, AriError, AriLostError, AriRefusedError

PBX: Final = "PBX"
"""Who took it, in `Accepted.handed_to`."""
OCTETS: Final = 800
"""Of text in one message: with Asterisk's headers it stays below the 1300 that a datagram may have (RFC 3428,
section 8). Asterisk does not go over to TCP by itself, and cuts what is longer than 3500."""
_USER_SAFE: Final = "-_.!~*'()&=+$"
"""Beside letters and digits, what a SIP URI's user may hold (RFC 3261 25.1) and Asterisk leaves alone."""
_NOT_FOUND: Final = 404
_BAD_REQUEST: Final = 400


class PbxForwarder:
    """`ports.Forwarder` for SIP accounts with `via: asterisk`."""

    def __init__(self, ari: Ari, endpoint: str) -> None:
        """`endpoint`: technology/name of a user's endpoint there, with `{user}` in it: `PJSIP/{user}`."""
        self._ari = ari
        self._endpoint = endpoint

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Hand it over once, in pieces if it is long. Accepted says that Asterisk took it, and no more.

        The next try goes on after the last piece that was taken. A phone that is off has no endpoint for
        Asterisk's purposes: it is tried again later.
        """
        text = text_of(job)
        if text is None:
            return Permanent("text_gone")
        if receipt_of(job.event) is not None:
            return Permanent("no_reader")  # Asterisk carries plain text alone
        endpoint = self._endpoint.format(user=job.target)
        taken = job.taken.get(endpoint, 0)
        try:
            for piece in pieces(text[taken:], OCTETS):
                await self._put(endpoint, job, piece)
                taken += len(piece)
        except AriError as error:
            outcome = _outcome(error)
            contacts = (ContactResult(endpoint, outcome.cause, taken),) if taken else ()
            return replace(outcome, contacts=contacts)
        return Accepted(endpoint, handed_to=PBX)

    async def _put(self, endpoint: str, job: ForwardJob, text: str) -> None:
        technology, _, name = endpoint.partition("/")
        body = {
            # No host: Asterisk adds its own, to which a phone's Reply finds its way. Escaped, since Asterisk
            # would make a header of its own of what stands after a line end.
            "from": quote(peer_of(job).encode("utf-8", "replace"), safe=_USER_SAFE),
            "body": text.encode("utf-8", "replace").decode(),
            "variables": {"Date": format_datetime(to_datetime(moment_of(job)), usegmt=True)},
        }
        await self._ari.call("PUT", "endpoints", technology, name, "sendMessage", body=body)


def _outcome(error: AriError) -> Temporary | Permanent | Uncertain:
    match error:
        case AriRefusedError(status=status) if status == _NOT_FOUND:
            return Temporary("not_registered")
        case AriRefusedError(status=status) if status == _BAD_REQUEST:
            return Permanent("pbx_refused", str(error))
        case AriRefusedError():
            return Temporary("pbx_refused", str(error))
        case AriLostError():
            return Uncertain("no_answer", str(error))
        case _:
            return Temporary("unreachable", str(error))
