"""Which mails that no person wrote may become an SMS, and how many: machines must not talk for ever."""

from collections.abc import Callable
from typing import Final, Literal

from voip_sms.core.buckets import Buckets
from voip_sms.core.directory import MailSender
from voip_sms.core.mail.addressing import Recipient, shown
from voip_sms.doors.mail.answers import Answer
from voip_sms.wire.mail.model import Mail

HOPS: Final = 25
"""Servers that a mail has gone through (RFC 5321 6.3 counts the same way, with a larger number)."""

LOOPING: Final = Answer(
    554,
    "5.4.6",
    "This mail has been here, or it goes in circles; it is not sent on",
    "Ten list juz tu byl lub krazy; nie wysylamy go dalej",
)
AUTOMATIC: Final = Answer(
    550,
    "5.7.1",
    "Automatic answers, bounces and list mail never become an SMS",
    "Automatyczne odpowiedzi, zwroty i listy dyskusyjne nie sa wysylane jako SMS",
)
GENERATED: Final = Answer(
    550,
    "5.7.1",
    "Mail that a program wrote needs number+token@ or a login, and the operator's leave (auto_generated)",
    "List z programu wymaga numer+token@ lub zalogowania i zgody operatora (auto_generated)",
)
TOO_OFTEN: Final = Answer(
    450,
    "4.7.1",
    "Too many automatic mails; the rest is taken later",
    "Za duzo automatycznych listow; reszte przyjmiemy pozniej",
)

GENERATED_BURST: Final = 30
GENERATED_PER_HOUR: Final = 60.0
"""Of one sender: an alarm a minute is read by nobody; a night of storms waits at the sender's server."""
REPLIED_BURST: Final = 3
REPLIED_PER_HOUR: Final = 1.0
"""To one phone from one premium sender: whoever pays for a question is answered, two machines soon aren't."""
_REMEMBERED: Final = 10_000
"""Senders and phones, 200 octets each."""
_HOUR: Final = 3600.0

Way = Literal["auth", "token", "domain"]
"""How the writer was proven."""


class Machines:
    """The rules for mails without an author who would notice a loop. `seconds`: a monotonic clock."""

    def __init__(self, domain: str, seconds: Callable[[], float]) -> None:
        """`domain` is ours, which stands in X-Loop of everything that we send."""
        self._domain = domain.lower()
        self._seconds = seconds
        self._generated = Buckets(GENERATED_PER_HOUR / _HOUR, GENERATED_BURST, _REMEMBERED)
        self._replied = Buckets(REPLIED_PER_HOUR / _HOUR, REPLIED_BURST, _REMEMBERED)

    def circling(self, mail: Mail) -> Answer | None:
        """The refusal of a mail that was here before or has been everywhere; whoever wrote it."""
        ours = any(value.strip().lower() == self._domain for value in mail.loops)
        return LOOPING if ours or mail.hops > HOPS else None

    def refusal(
        self, mail: Mail, sender: MailSender, way: Way, *, null: bool, recipients: tuple[Recipient, ...]
    ) -> Answer | None:
        """The refusal of what a machine wrote, None for people and for what is allowed.

        `null`: it came from <>, as autoresponders and bounces do (RFC 3834 3.3, RFC 5321 4.5.5).
        """
        kind = mail.auto or ("replied" if null else "")
        if kind == "":
            return None
        if kind in {"generated", "bulk"} and not null:
            return self._program(sender, way)
        if kind == "replied" and sender.mode == "premium":
            return self._answering(sender, recipients)
        return AUTOMATIC

    def passed_on(self, mail: Mail, sender: MailSender) -> Answer | None:
        """The refusal of a mail that `sender`'s server redirects; it counts as a program's."""
        return AUTOMATIC if mail.auto in {"replied", "list", "bounce"} else self._program(sender, "token")

    def _program(self, sender: MailSender, way: Way) -> Answer | None:
        if not sender.auto_generated or way == "domain":
            return GENERATED
        return TOO_OFTEN if self._generated.take(sender.address, self._seconds()) else None

    def _answering(self, sender: MailSender, recipients: tuple[Recipient, ...]) -> Answer | None:
        """Premium: the mailbox's server answers by itself whoever texted, and not for ever."""
        now = self._seconds()
        waits = [self._replied.take((sender.address, shown(one)), now) for one in recipients]
        return AUTOMATIC if any(waits) else None
