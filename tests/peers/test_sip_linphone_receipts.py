"""Linphone and receipts: it sees its SMS delivered, and tells us what it was given."""

import json
from pathlib import Path

import pytest

from support.service import opened
from voip_sms.demo.clients import until
from voip_sms.demo.linphone import Habits, Linphone
from voip_sms.demo.phone import PhoneAccount
from voip_sms.demo.stage import OWN

pytestmark = pytest.mark.peer("linphone")

HANDSET = "+48601123456"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_receipts_both_ways(tmp_path: Path, transport: str) -> None:
    async with opened(VOIP_SMS_LOG__LEVEL="info", VOIP_SMS_LOG__FORMAT="json") as stage:
        host, port = stage.serve.address(f"sip_{transport}")
        account = PhoneAccount("101", "pw101", "sms.test", host, port, transport)
        async with Linphone(account, tmp_path, Habits(cpim=True)) as phone:
            assert (await phone.register()).status == 200
            assert (await phone.send("601123456", "Doręcz 📦")).status == 202
            await stage.handsets.received(HANDSET, "Doręcz 📦")
            await until(lambda: _seen(phone, "from Delivered to DeliveredToUser"), "it shows no delivery")

            await stage.handsets.send(HANDSET, OWN, "Odpowiedź ł")
            await phone.message_with("Odpowiedź ł")
            await until(lambda: _told(stage.serve.log_text()), "it told nothing that we know")
            assert "imdn.Disposition-Notification: positive-delivery, display\n" in phone.log_text()


async def _seen(phone: Linphone, words: str) -> bool:
    return words in phone.log_text()


async def _told(log: str) -> bool:
    """Whether the service took a receipt that is about a message it had given to the phone."""
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return any(one.get("event") == "sip_receipt" and one["known"] for one in events)
