"""The chapter about phones in the wild: TLS, Linphone, extensions, phones that are off, SMS that fail."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from voip_sms.demo.certificate import WHY_NOT
from voip_sms.demo.checks import equal, expect
from voip_sms.demo.clients import Json, until
from voip_sms.demo.linphone import Habits, Linphone
from voip_sms.demo.phone import Phone, PhoneAccount, Sent
from voip_sms.demo.report import Missing
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.stage import LINPHONE, SECOND, SECURE, Stage

ANNA, BASIA, CELINA = "+48601123456", "+48601123457", "+48601123458"
ACCEPTED: Final = 202
OK: Final = 200
RECEIPT: Final = 10.0
"""Seconds for a receipt to be shown: it takes a fraction of one."""


class PhonesChapter:
    """Its steps in order; each returns what it saw, or raises."""

    def __init__(self, stage: Stage, desk: Phone | SoftPhone, lab: Phone | SoftPhone) -> None:
        """`desk` is 101, `lab` 102; both are registered."""
        self._stage, self._desk, self._lab = stage, desk, lab
        self._handsets = stage.handsets

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name and teller of every step."""
        return {
            "tls_phone": self.tls_phone,
            "linphone_cpim": self.linphone_cpim,
            "internal_message": self.internal_message,
            "offline_then_delivered": self.offline_then_delivered,
            "failure_notice": self.failure_notice,
        }

    async def tls_phone(self) -> str:
        """103 registers over TLS, checks the certificate, sends, and gets its answer on that connection."""
        certificate = self._stage.certificate
        if certificate is None:
            raise Missing(WHY_NOT)
        port = self._stage.serve.address("sip_tls")[1]
        account = PhoneAccount(
            "103", "pw103", "sms.test", "127.0.0.1", port, "tls", root_ca=str(certificate.chain)
        )
        phone = Phone(account) if Phone.available() else SoftPhone(account)
        try:
            _says(await phone.register(), OK)
            _says(await phone.send("601123456", "Nikt po drodze tego nie czyta"), ACCEPTED)
            seen = await self._handsets.received(ANNA, "Nikt po drodze tego nie czyta")
            equal(seen["from"], SECURE)
            await self._handsets.send(ANNA, SECURE, "A tego też nie")
            answer = await phone.message_with("A tego też nie")
            expect(ANNA in answer.sender, f"shown from {answer.sender}")
        finally:
            await phone.close()
        return f"103 trusts the certificate of port {port}, sent from {SECURE} and got the answer over TLS"

    async def linphone_cpim(self) -> str:
        """Linphone wraps texts in CPIM and asks for receipts: the SMS is plain, its chat shows delivered."""
        if not Linphone.available():
            raise Missing(Linphone.why_not())
        account = PhoneAccount("104", "pw104", "sms.test", "127.0.0.1", self._stage.sip_port, "tcp")
        home = Path(self._stage.folder) / "linphone"
        home.mkdir(exist_ok=True)
        async with Linphone(account, home, Habits(cpim=True)) as phone:
            _says(await phone.register(), OK)
            _says(await phone.send("601123457", "Zażółć z Linphone 😀"), ACCEPTED)
            seen = await self._handsets.received(BASIA, "Zażółć z Linphone 😀")
            equal(seen["from"], LINPHONE)
            await phone.shows_delivered(within=RECEIPT)
            await self._handsets.send(BASIA, LINPHONE, "Doszło 👍")
            answer = await phone.message_with("Doszło 👍")
            expect(BASIA in answer.sender, f"shown from {answer.sender}")
        return f"sent in CPIM, {BASIA} got plain text, Linphone showed it as delivered and got the answer"

    async def internal_message(self) -> str:
        """101 texts 102 by its extension: free, without any carrier, and 102 can answer."""
        _says(await self._desk.send("102", "Kawa? ☕"), ACCEPTED)
        message = await self._lab.message_with("Kawa? ☕")
        expect("sip:101@" in message.sender, f"shown from {message.sender}")
        _says(await self._lab.send("101", "Za pięć minut"), ACCEPTED)
        await self._desk.message_with("Za pięć minut")
        sent = await self._stored("outbound", "Kawa? ☕")
        expect(not sent["price"] or float(sent["price"]["amount"]) == 0, f"it cost {sent['price']}")
        return f"101 and 102 wrote to each other for nothing; {sent['id']} is {sent['status']}"

    async def offline_then_delivered(self) -> str:
        """What comes while 101 is off waits, and arrives in order, with its own time, when it is on again."""
        texts = ["Pierwszy, gdy był wyłączony", "Drugi, gdy był wyłączony"]
        _says(await self._desk.unregister(), OK)
        stored = []
        for text in texts:
            await self._handsets.send(ANNA, SECOND, text)
            stored.append(await self._stored("inbound", text))
        shown = len(self._desk.messages)
        _says(await self._desk.register(), OK)
        await self._desk.message_with(texts[1])
        came = [one for one in self._desk.messages.items[shown:] if one.body in texts]
        equal([one.body for one in came], texts)
        for message, kept in zip(came, stored, strict=True):
            written = datetime.fromisoformat(kept["created_at"]).replace(microsecond=0)
            equal(parsedate_to_datetime(message.header("Date")), written)
        return f"two SMS waited and came in order, dated {came[0].header('Date')}"

    async def failure_notice(self) -> str:
        """An SMS from a phone fails later: the phone is told in plain words, from the number it wrote to."""
        await self._handsets.fault("receipt", stat="UNDELIV", err="001", count=1, to=CELINA)
        _says(await self._desk.send("601123458", "Czy ktoś to odbierze?"), ACCEPTED)
        notice = await self._desk.message_with("Czy ktoś to odbierze?")
        expect(CELINA in notice.sender, f"shown from {notice.sender}")
        return f"101 shows from {CELINA}: {notice.body}"

    async def _stored(self, direction: str, text: str) -> Json:
        async def look() -> Json | None:
            listed = await self._stage.api.get(f"/v1/messages?direction={direction}&limit=50")
            return next((message for message in listed["data"] if message["text"] == text), None)

        found: Json = await until(look, f"{text} is not listed")
        return found


def _says(answer: Sent, wanted: int) -> None:
    expect(answer.status == wanted, f"{answer.status} {answer.reason}")
