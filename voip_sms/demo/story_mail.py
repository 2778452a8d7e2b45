"""The chapter about mail: an SMS from a mail program, its answer in the thread, and what is refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from email.message import EmailMessage

from voip_sms.demo.checks import equal, expect
from voip_sms.demo.clients import Json
from voip_sms.demo.mail_program import MailProgram, Refused
from voip_sms.demo.mail_sink import Mail
from voip_sms.demo.stage import MAIL_NUMBER, WRITER, WRITER_LIMIT, WRITER_SECRET, Stage

DOROTA = "+48601123461"
GATE = "sms.test"
SUBJECT = "Odbiór zamówienia"
ANSWER = "Będę o siedemnastej"
REFUSED = 550


class MailChapter:
    """Its steps in order; each returns what it saw, or raises."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._handsets = stage, stage.handsets
        self._sent: EmailMessage | None = None
        self._answer: Mail | None = None

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name and teller of every step."""
        return {
            "mail_sends": self.mail_sends,
            "mail_reply_threads": self.mail_reply_threads,
            "mail_answer_is_sms": self.mail_answer_is_sms,
            "mail_forged_refused": self.mail_forged_refused,
            "mail_quota_answer": self.mail_quota_answer,
        }

    async def mail_sends(self) -> str:
        """A mail to number@ becomes an SMS: its text alone, without subject and signature."""
        text = "Zamówienie czeka; kiedy można dostarczyć?"
        self._sent = await self._program().write(f"601123461@{GATE}", SUBJECT, f"{text}\n\n-- \nSklep, Łódź")
        seen = await self._handsets.received(DOROTA, text)
        equal(seen["from"], MAIL_NUMBER)
        return f"{WRITER} wrote to 601123461@{GATE}; {DOROTA} got the text from {MAIL_NUMBER}"

    async def mail_reply_threads(self) -> str:
        """The answer comes back as a mail in the thread of the one it answers."""
        assert self._sent is not None, "mail_sends comes first"
        await self._handsets.send(DOROTA, MAIL_NUMBER, ANSWER)
        mail = self._answer = await self._stage.mail.mail_to(WRITER, containing=ANSWER)
        head = mail.message
        equal((head["In-Reply-To"], mail.subject), (self._sent["Message-ID"], f"Re: {SUBJECT}"))
        expect(self._sent["Message-ID"] in head["References"], f"References: {head['References']}")
        return f"{WRITER} got «{mail.subject}» from {head['From']}, in the thread of its own mail"

    async def mail_answer_is_sms(self) -> str:
        """Reply in the mail program is an SMS in the same conversation; what it quotes stays behind."""
        assert self._answer is not None, "mail_reply_threads comes first"
        text = "Dziękujemy, będziemy"
        mail = await self._program().answer(self._answer, text)
        seen = await self._handsets.received(DOROTA, text)
        equal(seen["from"], MAIL_NUMBER)
        return f"Reply went to {mail['To']}; {DOROTA} got «{text}» from {MAIL_NUMBER}"

    async def mail_forged_refused(self) -> str:
        """Whoever only claims to be that sender sends nothing, and nobody gets a mail about it."""
        before, mails = await self._sent_by_mail(), len(self._stage.mail.mails)
        forger = replace(self._program(), password="")
        reply = await _refusal(forger, f"601123461@{GATE}")
        expect(reply.code == REFUSED and "token" in reply.text, str(reply))
        guessed = await _refusal(forger, f"601123461+zzzz@{GATE}")
        equal(guessed.code, REFUSED)
        wrong = await _refusal(replace(self._program(), password="wrong"), f"601123461@{GATE}")
        equal((await self._sent_by_mail(), len(self._stage.mail.mails)), (before, mails))
        codes = f"bare From {reply.code}, guessed token {guessed.code}, wrong password {wrong.code}"
        return f"{codes}; no SMS and no mail came of it"

    async def mail_quota_answer(self) -> str:
        """An empty mail to info@ is answered with limits and use, for nothing."""
        used, balance = len(await self._sent_by_mail()), await self._stage.api.get("/v1/balance")
        await self._program().write(f"info@{GATE}", "", "")
        told = f"{used} of {WRITER_LIMIT}"
        mail = await self._stage.mail.mail_to(WRITER, containing=told)
        equal(await self._stage.api.get("/v1/balance"), balance)
        equal(mail.sender, "<>")
        return f"{WRITER} got «{mail.subject}»: {told}; it cost nothing"

    def _program(self) -> MailProgram:
        return MailProgram(WRITER, WRITER_SECRET, self._stage.serve.address("smtp"))

    async def _sent_by_mail(self) -> list[Json]:
        listed = await self._stage.api.get("/v1/messages?direction=outbound&limit=1000")
        return [one for one in listed["data"] if one["door"] == "mail"]


async def _refusal(program: MailProgram, to: str) -> Refused:
    try:
        await program.write(to, "Pilne", "Prosze o kod BLIK")
    except Refused as refused:
        return refused
    raise AssertionError(f"the mail to {to} was taken")
