"""Who wrote a mail: whoever logged in, knows the token, or is vouched for by his domain; From proves nothing.

Cheap questions come first: a mail that claims to be from nobody we know costs no lookup.
"""

from collections.abc import Callable, Iterable
from typing import Final

from voip_sms.core.buckets import Buckets
from voip_sms.core.directory import MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import Info, Number, Recipient, proves, recipient_of, shown
from voip_sms.core.ports import Mailing
from voip_sms.core.sites import site_of
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.automatic import Machines, Way
from voip_sms.doors.mail.visit import Proven, Visit
from voip_sms.net.mailauth import Arrival, Proof, SenderProof
from voip_sms.wire.mail.model import Mail

UNPROVEN: Final = Answer(
    550,
    "5.7.1",
    "We can't tell who wrote this; log in, write to number+token@, or have your domain sign its mail (DKIM)",
    "Nie wiemy, kto to napisal; zaloguj sie, pisz na numer+token@ lub popros o podpis DKIM Twojej domeny",
)
"""The same for addresses that may send and for those that may not: nobody learns which there are."""
NO_AUTHOR: Final = Answer(
    550,
    "5.7.1",
    "The mail must have exactly one author in From",
    "List musi miec dokladnie jednego autora w polu From",
)
FOREIGN: Final = Answer(
    550,
    "5.7.1",
    "You are logged in, but this From is no sender of your account; write from one of its addresses",
    "Zalogowano, ale adres w polu From nie nalezy do Twojego konta; pisz z jego adresu",
)
WRONG_TOKEN: Final = Answer(
    550,
    "5.7.1",
    "The token in number+token@ is not that of this sender; check it",
    "Token w adresie numer+token@ nie nalezy do tego nadawcy; sprawdz go",
)
NOT_ADDRESSED: Final = Answer(
    550,
    "5.7.1",
    "Only a signature vouches for this mail, and it names other recipients; put the number in To, or log in",
    "Za list reczy tylko podpis, a wymienia on innych odbiorcow; wpisz numer w polu Do lub zaloguj sie",
)
LATER: Final = Answer(
    451,
    "4.4.3",
    "Who wrote this can't be looked up now; come again",
    "Nie mozna teraz sprawdzic nadawcy; sprobuj pozniej",
)
SLOWLY: Final = Answer(
    450,
    "4.7.1",
    "Too many wrong tokens; come again in a minute",
    "Za duzo blednych tokenow; sprobuj za minute",
)

WRONG_BURST: Final = 20
WRONG_PER_MINUTE: Final = 1.0
"""Wrong tokens from one network (IPv6: one /64), which is then asked to come again, right ones or not."""
GUESSED_BURST: Final = 200
GUESSED_PER_MINUTE: Final = 10.0
"""For one sender from everywhere: four characters then hold for months, and ten networks are needed to make
the sender's own mails wait."""
_REMEMBERED: Final = 10_000


class MailSenders:
    """`visit.Senders`. `domain` is ours; `seconds` a monotonic clock."""

    def __init__(
        self, mailing: Mailing, proof: SenderProof, domain: str, seconds: Callable[[], float]
    ) -> None:
        self._mailing = mailing
        self._proof = proof
        self._domain = domain.lower()
        self._seconds = seconds
        self._machines = Machines(domain, seconds)
        self._wrong = Buckets(WRONG_PER_MINUTE / 60, WRONG_BURST, _REMEMBERED)
        self._guessed = Buckets(GUESSED_PER_MINUTE / 60, GUESSED_BURST, _REMEMBERED)

    async def who(self, visit: Visit, mail: Mail, octets: bytes) -> Proven | Answer:
        """As of `visit.Senders`: AUTH, else the token, else the domain."""
        circling = self._machines.circling(mail)
        if circling is not None:
            return circling
        if visit.login is not None:
            return self._by_login(visit, mail, visit.login)
        if any(one.token for one in visit.recipients):
            return self._by_token(visit, mail)
        return await self._by_domain(visit, mail, octets)

    # --- AUTH -----------------------------------------------------------------------------------------------

    def _by_login(self, visit: Visit, mail: Mail, login: MailSender) -> Proven | Answer:
        """From must be one of the senders of the same customer: it is that sender who writes (E11)."""
        if not mail.from_address:
            return NO_AUTHOR
        sender = self._mailing.sender(mail.from_address)
        if sender is None or sender.account.tenant_id != login.account.tenant_id:
            return FOREIGN
        how = "auth" if sender.address == login.address else f"auth {login.address}"
        return self._by_machine(visit, mail, sender, "auth") or Proven(sender, how)

    # --- the token ------------------------------------------------------------------------------------------

    def _by_token(self, visit: Visit, mail: Mail) -> Proven | Answer:
        """The author's token must stand in the address of every recipient."""
        sender, redirected = self._bearer(visit, mail)
        source, now = site_of(visit.peer), self._seconds()
        victim = sender.address if sender is not None else ""
        if self._wrong.wait(source, now) or self._guessed.wait(victim, now):
            return SLOWLY
        if sender is None or not all(proves(one, sender.token) for one in visit.recipients):
            self._wrong.take(source, now)
            if victim:  # addresses that nobody has would push the others out of memory
                self._guessed.take(victim, now)
            return WRONG_TOKEN
        if redirected:
            return self._machines.passed_on(mail, sender) or Proven(sender, "token, redirected")
        return self._by_machine(visit, mail, sender, "token") or Proven(sender, "token")

    def _bearer(self, visit: Visit, mail: Mail) -> tuple[MailSender | None, bool]:
        """Whose token it should be: the author's; of a mail that a mailbox's server passes on, the mailbox's.

        Such a mail has a foreign author, and the mailbox that redirects it in MAIL FROM.
        """
        author = self._mailing.sender(mail.from_address) if mail.from_address else None
        if author is not None or not visit.envelope_from or not mail.from_address:
            return author, False
        mailbox = self._mailing.sender(visit.envelope_from)
        return (mailbox, True) if mailbox is not None and mailbox.auto_generated else (None, False)

    # --- the domain -----------------------------------------------------------------------------------------

    async def _by_domain(self, visit: Visit, mail: Mail, octets: bytes) -> Proven | Answer:
        if not mail.from_address:
            return NO_AUTHOR
        sender = self._mailing.sender(mail.from_address)
        if sender is None:
            return UNPROVEN
        arrival = Arrival(octets, mail.from_address, visit.envelope_from, visit.peer, visit.helo)
        proof = await self._proof.check(arrival)
        if proof.temporary:
            return LATER
        if not proof.aligned:
            return UNPROVEN
        if not self._meant(proof, mail, visit.recipients):
            return NOT_ADDRESSED
        return self._by_machine(visit, mail, sender, "domain") or Proven(sender, proof.words)

    def _meant(self, proof: Proof, mail: Mail, recipients: Iterable[Recipient]) -> bool:
        """A signature goes with a mail that somebody got and sends again, to whomever he likes."""
        if proof.addressed == "envelope":
            return True
        named = self._named(mail) if proof.addressed == "fields" else frozenset()
        return all(_same(one) in named for one in recipients)

    def _named(self, mail: Mail) -> frozenset[str]:
        """Our recipients that stand in To and Cc."""
        found: set[str] = set()
        for address in (*mail.to, *mail.cc):
            local, _, domain = address.rpartition("@")
            if domain.lower() != self._domain:
                continue
            try:
                found.add(_same(recipient_of(local)))
            except Refusal:
                continue
        return frozenset(found)

    def _by_machine(self, visit: Visit, mail: Mail, sender: MailSender, way: Way) -> Answer | None:
        null = not visit.envelope_from
        return self._machines.refusal(mail, sender, way, null=null, recipients=visit.recipients)


def _same(recipient: Recipient) -> str:
    """What two spellings of one recipient have in common."""
    name = shown(recipient)
    if isinstance(recipient, Number):
        return "".join(char for char in name if char.isdigit())
    return f"{type(recipient).__name__} {name}" if not isinstance(recipient, Info) else name
