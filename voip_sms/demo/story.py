"""The story that `make demo` tells: the main job on real sockets, one step after the other."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from voip_sms.demo.checks import equal, expect
from voip_sms.demo.clients import Json, until
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.stage import COLLEAGUES, HOOK_SECRET, MAILBOX, OWN, POOL, SECOND, Stage
from voip_sms.demo.stage_pbx import Switchboard
from voip_sms.demo.story_mail import MailChapter
from voip_sms.demo.story_panel import PanelChapter
from voip_sms.demo.story_pbx import PbxChapter
from voip_sms.demo.story_phones import PhonesChapter

ANNA, BASIA, CELINA = "+48601123456", "+48601123457", "+48601123458"
SPAMMER = "+48600666123"
ACCEPTED = 202
LONG = (
    "Zażółć gęślą jaźń. Szanowni Państwo, przypominamy o jutrzejszej wizycie serwisanta między dziewiątą "
    "a jedenastą; prosimy o przygotowanie dostępu do skrzynki łącznika. Pozdrawiamy, Łukasz Żółć"
)
BURST = 60
"""Messages in the air when the service is killed."""


class Story:
    """Its steps in order; each returns what it saw, or raises."""

    def __init__(self, stage: Stage, board: Switchboard) -> None:
        """`board` is connected to the stage."""
        self._stage = stage
        self._api, self._handsets = stage.api, stage.handsets
        self._desk = self._phone("101")
        self._lab = self._phone("102")
        self._pbx = PbxChapter(stage, board)
        self._number_of_102 = ""

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name and teller of every step."""
        return {
            "phone_registers": self.phone_registers,
            "own_number": self.own_number,
            "two_way": self.two_way,
            "approved_name": self.approved_name,
            "api_send": self.api_send,
            "receipts_delivered": self.receipts_delivered,
            "long_polish_text": self.long_polish_text,
            "reply_to_phone": self.reply_to_phone,
            "reply_to_mail": self.reply_to_mail,
            "reply_to_three_numbers": self.reply_to_three_numbers,
            "reply_to_url": self.reply_to_url,
            "reply_by_phone_keeps_number": self.reply_by_phone_keeps_number,
            "blacklisted_stopped": self.blacklisted_stopped,
            "retry_sends_once": self.retry_sends_once,
            "carrier_down_queued": self.carrier_down_queued,
            "kill9_nothing_lost": self.kill9_nothing_lost,
            **PhonesChapter(self._stage, self._desk, self._lab).steps(),
            **MailChapter(self._stage).steps(),
            **self._pbx.steps(),
            **PanelChapter(self._stage).steps(),
        }

    async def close(self) -> None:
        """Put the phones down."""
        await asyncio.gather(self._desk.close(), self._lab.close(), self._pbx.close())

    # --- sending ---

    async def phone_registers(self) -> str:
        """Two phones register with digest."""
        for phone in (self._desk, self._lab):
            answer = await phone.register()
            expect(answer.status == 200, f"{phone.account.user}: {answer.status} {answer.reason}")  # noqa: PLR2004
        return f"101 and 102 registered over UDP with digest authentication, {_whose(self._desk)}"

    async def own_number(self) -> str:
        """101 texts 601 123 456 and shows its own mobile number."""
        sent = await self._desk.send("601123456", "Dzień dobry z telefonu")
        expect(sent.status == ACCEPTED, f"{sent.status} {sent.reason}")
        seen = await self._handsets.received(ANNA, "Dzień dobry z telefonu")
        equal(seen["from"], OWN)
        return f"{ANNA} got it from {seen['from']}"

    async def two_way(self) -> str:
        """102 shows a 2way number, and the answer to it comes back to 102 alone."""
        sent = await self._lab.send("601123457", "Czy pasuje jutro?")
        expect(sent.status == ACCEPTED, f"{sent.status} {sent.reason}")
        seen = await self._handsets.received(BASIA, "Czy pasuje jutro?")
        expect(seen["from"] in POOL, f"came from {seen['from']}")
        self._number_of_102 = seen["from"]
        await self._handsets.send(BASIA, seen["from"], "TAK, pasuje")
        answer = await self._lab.message_with("TAK, pasuje")
        expect(BASIA in answer.sender, f"answer shown from {answer.sender}")
        return f"sent from {seen['from']}, the answer came back to 102 from {BASIA}"

    async def approved_name(self) -> str:
        """A program sends under an approved name; an unapproved one is refused."""
        await self._api.post("/v1/messages", {"to": CELINA, "text": "Your order is ready", "from": "ACME"})
        seen = await self._handsets.received(CELINA, "Your order is ready")
        equal(seen["from"], "ACME")
        status, problem, _ = await self._api.call(
            "POST", "/v1/messages", {"to": CELINA, "text": "x", "from": "BANK"}
        )
        equal((status, problem.get("code")), (403, "sender_not_allowed"))
        return "shown as ACME; BANK refused with 403 sender_not_allowed"

    async def api_send(self) -> str:
        """One request, several recipients, each with its own result and price."""
        answer = await self._api.post(
            "/v1/messages", {"to": ["601 123 458", "+48 601-123-459", "12"], "text": "To all of you"}
        )
        first, second, third = answer["data"]
        equal(
            (first["status"], second["status"], third.get("code")),
            ("accepted", "accepted", "recipient_invalid"),
        )
        message = await self._api.get(f"/v1/messages/{first['id']}")
        equal(message["price"], {"amount": "0.29", "currency": "PLN"})
        await self._handsets.received("+48601123459", "To all of you")
        return f"{first['id']} at {message['price']['amount']} PLN; '12' refused as {third['code']}"

    async def receipts_delivered(self) -> str:
        """Every message so far reaches `delivered`."""

        async def all_delivered() -> list[Json]:
            data: list[Json] = (await self._api.get("/v1/messages?direction=outbound&limit=100"))["data"]
            return data if data and all(message["status"] == "delivered" for message in data) else []

        data = await until(all_delivered, "not everything was delivered")
        return f"{len(data)} messages, all delivered"

    async def long_polish_text(self) -> str:
        """A long text with Polish letters arrives as one, letter by letter."""
        sent = await self._api.post("/v1/messages", {"to": CELINA, "text": LONG})
        equal(sent["encoding"], "ucs2")
        await self._handsets.received(CELINA, LONG)
        return f"{len(LONG)} characters in {sent['parts']} parts of 67, joined without a loss"

    # --- answers ---

    async def reply_to_phone(self) -> str:
        """An answer to the own number rings on the desk phone."""
        await self._handsets.send(ANNA, OWN, "Oddzwonię o piątej")
        message = await self._desk.message_with("Oddzwonię o piątej")
        expect(ANNA in message.sender, f"shown from {message.sender}")
        return f"101 shows it from {ANNA}"

    async def reply_to_mail(self) -> str:
        """The same answer arrives in a mailbox."""
        mail = await self._stage.mail.mail_to(MAILBOX, containing="Oddzwonię o piątej")
        return f"{MAILBOX} got «{mail.subject}»"

    async def reply_to_three_numbers(self) -> str:
        """And on three other numbers."""
        text = f"{ANNA}: Oddzwonię o piątej"
        seen = [await self._handsets.received(number, text) for number in COLLEAGUES]
        equal({message["from"] for message in seen}, {OWN})
        return f"{len(seen)} numbers got it, from {OWN}"

    async def reply_to_url(self) -> str:
        """And at a URL, signed."""
        hook = await self._stage.hooks.hooks.first(lambda one: "Oddzwonię".encode() in one.body, 10)
        stamp = f"{hook.headers['webhook-id']}.{hook.headers['webhook-timestamp']}.".encode() + hook.body
        key = base64.b64decode(HOOK_SECRET.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(key, stamp, hashlib.sha256)).decode()
        expect(f"v1,{signature}" in hook.headers["webhook-signature"].split(), "the signature is wrong")
        equal((hook.json["type"], hook.json["data"]["from"]), ("message.received", ANNA))
        return f"POST {hook.path}: {hook.json['type']}, signature right"

    async def reply_by_phone_keeps_number(self) -> str:
        """Who answers on the phone answers from the number that was texted."""
        await self._handsets.send(ANNA, SECOND, "A na drugi numer?")
        await self._desk.message_with("A na drugi numer?")
        sent = await self._desk.send(ANNA, "Z drugiego odpisuję")
        expect(sent.status == ACCEPTED, f"{sent.status} {sent.reason}")
        seen = await self._handsets.received(ANNA, "Z drugiego odpisuję")
        equal(seen["from"], SECOND)
        return f"101 answered from {SECOND}, not from its usual {OWN}"

    async def blacklisted_stopped(self) -> str:
        """A blacklisted sender reaches nobody; it is listed with the reason."""
        await self._handsets.send(SPAMMER, OWN, "Wygrales!")
        await self._handsets.send(ANNA, OWN, "Nie spam")
        await self._desk.message_with("Nie spam")
        await self._stage.mail.mail_to(MAILBOX, containing="Nie spam")
        expect(not any("Wygrales" in message.body for message in self._desk.messages.items), "it rang")
        expect(not any("Wygrales" in mail.text for mail in self._stage.mail.mails.items), "it was mailed")
        listed = await self._api.get(f"/v1/messages?direction=inbound&from=%2B{SPAMMER[1:]}")
        error = listed["data"][0]["error"]
        equal(error["code"], "blocked")
        return f"stored, forwarded to nobody: {error['detail']}"

    # --- trouble ---

    async def retry_sends_once(self) -> str:
        """A program that asks five times for the same thing, and a carrier that first says no: one SMS."""
        await self._handsets.fault("reject", command_status=0x58, count=1, to=CELINA)
        body, key = {"to": CELINA, "text": "Only once, please"}, {"Idempotency-Key": "demo-retry-1"}
        answers = await asyncio.gather(*(self._api.post("/v1/messages", body, key) for _ in range(5)))
        equal(len({answer["id"] for answer in answers}), 1)
        await self._delivered(answers[0]["id"])
        seen = [one for one in await self._handsets.messages(CELINA) if one["text"] == "Only once, please"]
        equal(len(seen), 1)
        return "five requests and one throttled submit made one SMS"

    async def carrier_down_queued(self) -> str:
        """While the carrier is away everything is accepted; afterwards it goes out in order."""
        await self._handsets.fault("offline")
        ids = []
        for number in range(1, 6):
            message = await self._api.post("/v1/messages", {"to": BASIA, "text": f"Waiting {number}"})
            ids.append(message["id"])
        await self._handsets.heal()
        for one in ids:
            await self._delivered(one, 60)
        texts = [one["text"] for one in await self._handsets.messages(BASIA) if "Waiting" in one["text"]]
        equal(texts, [f"Waiting {number}" for number in range(1, 6)])
        return "five accepted while it was down, delivered in order when it was back"

    async def kill9_nothing_lost(self) -> str:
        """The service is killed in the middle of work; what it had acknowledged arrives."""
        acknowledged: dict[str, str] = {}
        sending = [asyncio.create_task(self._one_of_many(number, acknowledged)) for number in range(BURST)]
        await until(
            _async(lambda: len(acknowledged) >= BURST // 3), "too slow to be killed in the middle", step=0.002
        )
        await self._stage.serve.kill()
        await asyncio.gather(*sending, return_exceptions=True)
        await self._stage.serve.start()
        doubled = 0
        for message_id, text in acknowledged.items():
            message = await self._delivered(message_id, 60)
            copies = [one for one in await self._handsets.messages(message["to"]) if one["text"] == text]
            expect(bool(copies), f"{text} was lost")
            expect(len(copies) == 1 or message["possible_duplicate"], f"{text} came twice unflagged")
            doubled += len(copies) - 1
        return f"{len(acknowledged)} acknowledged before the kill, all delivered, {doubled} flagged copies"

    # --- helpers ---

    async def _one_of_many(self, number: int, acknowledged: dict[str, str]) -> None:
        text = f"Burst {number}"
        message = await self._api.post("/v1/messages", {"to": f"+4860200{number:04d}", "text": text})
        acknowledged[message["id"]] = text

    async def _delivered(self, message_id: str, within: float = 20) -> Json:
        async def look() -> Json | None:
            message = await self._api.get(f"/v1/messages/{message_id}")
            return message if message["status"] == "delivered" else None

        found: Json = await until(look, f"{message_id} was not delivered", within)
        return found

    def _phone(self, user: str) -> Phone | SoftPhone:
        account = PhoneAccount(user, f"pw{user}", "sms.test", "127.0.0.1", self._stage.sip_port)
        if not Phone.available():
            return SoftPhone(account)
        return Phone(account, log=Path(self._stage.folder) / f"phone-{user}.log")


def _whose(phone: Phone | SoftPhone) -> str:
    return "on PJSIP" if isinstance(phone, Phone) else f"on our own small client: {Phone.why_not()}"


def _async(look: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def looks() -> bool:
        return look()

    return looks
