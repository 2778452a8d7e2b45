"""Receipts between people's phones (IMDN): which contacts read them, and the events that carry them."""

import re
from typing import Final, get_args

from voip_sms.core.model import Binding
from voip_sms.wire.sip.imdn import Disposition

_PREFIX: Final = "imdn."
JOB_PREFIX: Final = "fwd"
"""Of job ids where phones see them: in Call-ID, and as the Message-ID that their receipts name."""
_READERS: Final = re.compile(r"linphone(?!/[0-3]\.)", re.IGNORECASE)
"""User-Agent of phones that read message/cpim before they have written it. COMPAT: not Linphone before 4."""


def event_for(state: Disposition) -> str:
    """The event of the hand-over that carries a receipt to the sender's phone."""
    return _PREFIX + state


def receipt_of(event: str) -> Disposition | None:
    """What the receipt says, if the event is one."""
    word = event.removeprefix(_PREFIX)
    return next((state for state in get_args(Disposition) if event != word == state), None)


def reads_cpim(binding: Binding) -> bool:
    """Whether the contact reads message/cpim: it has written it, or its maker is known for it."""
    return binding.cpim or _READERS.search(binding.agent) is not None
