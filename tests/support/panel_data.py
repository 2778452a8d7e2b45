"""A day of a small company as its panel shows it: conversations, failures, something to approve, a second company."""

import smtplib
from asyncio import to_thread
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final

from support.panel import PanelStage
from support.service import phone_of
from support.waiting import eventually
from voip_sms.demo.stage import OWN, SECOND, WRITER, WRITER_SECRET

PATIENTS: Final = ("+48601234567", "+48512345678", "+48698111222", "+48505606707")
SPAMMER, NOBODYS = "+48600666111", "+48601999999"
Words = Mapping[str, Any]
SAID: Final[Mapping[str, Words]] = {
    "en": {
        "talk": (
            ("out", "Good morning, this is Acme Dental. Your visit is on Tuesday at 10:30. Does that suit you?"),
            ("in", "Good morning! Could I come half an hour later?"),
            ("out", "Of course: Tuesday, 11:00. See you then!"),
            ("in", "Perfect, thank you 🙂"),
        ),
        "told": (
            "Your parcel waits for you at Main Street 5. Code: 4821.",
            "Invoice 114/2026 is due on Friday: 249.00 PLN.",
            "Your results are ready. Please call us or drop in until 6 p.m.",
        ),
        "asked": ("Are you open on Saturday?", "Please call me back about the invoice.", "Yes"),
        "later": "A reminder: your check-up is tomorrow at 9:00.",
        "spam": "You won a phone! Click here",
        "subject": "Opening hours",
    },
    "pl": {
        "talk": (
            ("out", "Dzień dobry, tu Acme Dental. Wizyta we wtorek o 10:30. Czy termin pasuje?"),
            ("in", "Dzień dobry! Czy mogę przyjść pół godziny później?"),
            ("out", "Oczywiście: wtorek, 11:00. Do zobaczenia!"),
            ("in", "Świetnie, dziękuję 🙂"),
        ),
        "told": (
            "Paczka czeka na Państwa przy ul. Głównej 5. Kod: 4821.",
            "Faktura 114/2026, termin płatności: piątek, 249,00 zł.",
            "Wyniki są gotowe. Prosimy o telefon lub wizytę do 18:00.",
        ),
        "asked": ("Czy w sobotę jest otwarte?", "Proszę o telefon w sprawie faktury.", "Tak"),
        "later": "Przypomnienie: wizyta kontrolna jutro o 9:00.",
        "spam": "Telefon do odebrania! Kliknij tutaj",
        "subject": "Godziny otwarcia",
    },
}  # fmt: skip


def company(document: dict[str, Any]) -> None:
    """What there is to see beside messages: names in every state, groups, another company, a spare carrier."""
    acme = document["tenants"][0]
    own = acme["numbers"][0]
    own["forwards"] = [one for one in own["forwards"] if one["kind"] != "number"]  # else each text thrice
    acme["timezone"], acme["balance_low"] = "Europe/Warsaw", "20.00"
    acme["sender_names"] += [
        {"name": "ACMEDENTAL", "status": "approved"},
        {"name": "SMILE", "status": "pending"},
        {"name": "PROMO", "status": "rejected", "reason": "not a name of yours"},
    ]
    acme["groups"] = [{"name": "staff", "numbers": list(PATIENTS[:2])}]
    acme["keywords"] = [{"number": SECOND, "word": "ORDER", "mail": "orders@acme.test"}]
    document["price_lists"].append(
        {"name": "gold", "currency": "PLN", "valid_from": "2026-01-01"}
        | {"rates": [{"prefix": "+48", "amount": "0.19"}, {"prefix": "+49", "amount": "0.45"}]}
    )
    document["tenants"].append(
        {"name": "Bike & Co", "price_list": "gold", "credit": "120.00", "self_service": True}
        | {"sender_names": [{"name": "BIKES", "status": "pending"}]}
    )


async def a_day(stage: PanelStage, language: str = "en") -> None:
    """Let it happen; it is all there, and told as delivered or not, when this returns."""
    said = SAID[language]
    await _talk(stage, PATIENTS[0], said["talk"])
    for patient, text in zip(PATIENTS[1:], said["told"], strict=True):
        await stage.api.post("/v1/messages", {"to": patient, "text": text})
    await stage.handsets.fault("receipt", stat="UNDELIV", err="012", to=PATIENTS[3], count=1)
    await stage.api.post("/v1/messages", {"to": PATIENTS[3], "text": said["later"]})
    await stage.handsets.fault("reject", command_status="RINVDSTADR", to=PATIENTS[2], count=1)
    await stage.api.post("/v1/messages", {"to": PATIENTS[2], "text": said["later"]})
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    await stage.api.post(
        "/v1/messages", {"to": PATIENTS[1], "text": said["later"], "send_at": tomorrow.isoformat()}
    )
    for patient, text in zip(PATIENTS[1:], said["asked"], strict=True):
        await stage.handsets.send(patient, OWN, text)
    await stage.handsets.send(SPAMMER, OWN, said["spam"])
    await stage.handsets.send(PATIENTS[1], NOBODYS, said["asked"][0])
    await to_thread(_mail, stage, said)
    await stage.other.post("/v1/messages", {"to": PATIENTS[0], "text": "Nobody at Acme may read this"})
    await _asks(stage, language)
    await _settled(stage)


async def _talk(stage: PanelStage, peer: str, talk: Sequence[tuple[str, str]]) -> None:
    async with phone_of(stage, "101") as phone:
        for way, text in talk:
            if way == "out":
                assert (await phone.send(peer, text)).status == 202
                await stage.handsets.received(peer, text)
            else:
                await stage.handsets.send(peer, OWN, text)
                await eventually(lambda text=text: _came(stage, text), "it never came in")


async def _came(stage: PanelStage, text: str) -> bool:
    found = await stage.api.get("/v1/messages?direction=inbound&limit=20")
    return any(one["text"] == text for one in found["data"])


async def _asks(stage: PanelStage, language: str) -> None:
    """A company that would like to become a customer."""
    visitor = await stage.visitor(None, language)
    seen = await visitor.get("/panel/register")
    done = await visitor.send(
        seen, "/panel/register", company="Flora Gdańsk", name="Maria Zielińska", mail="maria@flora.test"
    )
    assert done.status == 200, done.page.text[:300]


def _mail(stage: PanelStage, said: Words) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = WRITER, f"{PATIENTS[1][1:]}@sms.test", said["subject"]
    mail["Message-ID"] = "<hours@acme.test>"
    mail.set_content(said["told"][0])
    host, port = stage.serve.address("smtp")
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.login(WRITER, WRITER_SECRET)
        client.send_message(mail)


async def _settled(stage: PanelStage) -> None:
    """Everything that may end has ended, and everything that was sent in has come."""

    async def ended() -> bool:
        for status in ("accepted", "queued", "sent"):
            found = await stage.api.get(f"/v1/messages?direction=outbound&status={status}&limit=1")
            if found["data"]:
                return False
        inbound = await stage.api.get("/v1/messages?direction=inbound&limit=20")
        return len(inbound["data"]) >= 5

    await eventually(ended, "not every message ended")
