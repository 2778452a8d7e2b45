"""All that was written to and by one number, whichever door it came through, as people look after it."""

from dataclasses import dataclass
from typing import Final, Literal

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id, Micros
from voip_sms.core.model import Message

Only = Literal["all", "mine", "unclaimed", "unanswered", "unread"]
"""Which conversations: every one; those that I look after; with something received that nobody looks after,
that nobody answered, or that I have not seen."""

COUNTED_MOST: Final = 99
"""What waits in one conversation is counted up to here."""
UNSEEN: Final = 30 * DAY
"""What is older counts as seen, so that somebody new does not begin with years of unread texts."""
NOTE_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Who looks after a conversation. `name`: what people call them, "" once they are switched off."""

    user_id: Id
    name: str
    at: Micros


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of a list. `text` None: it is not kept. `own`: the number or name on our side.

    `unread`: received and not seen by whoever asks; `unanswered`: received since our last word.
    """

    peer: str
    message_id: Id
    text: str | None
    direction: Literal["outbound", "inbound"]
    status: str
    at: Micros
    own: str
    unread: int = 0
    unanswered: int = 0
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """The one with the newest word first. `after`: ask for the next page with it; None: that was all.

    It may hold fewer than were asked for, and there be more all the same.
    """

    conversations: tuple[Conversation, ...]
    after: Id | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote for the colleagues; it is never sent."""

    id: Id
    author: str
    text: str
    at: Micros


@dataclass(frozen=True, slots=True)
class Thread:
    """A stretch of a conversation, oldest first. `before`: ask for what came earlier with it.

    `own`: the number or name on our side that was used last; "" where there is no message.
    """

    peer: str
    entries: tuple[Message | Note, ...]
    before: Id | None = None
    own: str = ""
    claim: Claim | None = None
    unread: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """Without the notes."""
        return tuple(entry for entry in self.entries if isinstance(entry, Message))

    @property
    def answer_from(self) -> str:
        """The number that they wrote to last; "" where nothing of theirs is in this stretch."""
        came = (one.to for one in reversed(self.messages) if one.direction == "inbound")
        return next(came, "")
