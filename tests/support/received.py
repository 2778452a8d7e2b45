"""Texts that came in before a command of the operator's looks at them: the store alone, `serve` does not run."""

from pathlib import Path

from voip_sms.app.build import lay_ground
from voip_sms.app.settings import load
from voip_sms.core.model import InboundPart
from voip_sms.engine.receive import Receiver
from voip_sms.store.database import open_database


async def receive(config: Path, number: str, *texts: str) -> None:
    """Store these texts to a customer's number, in the database of a configuration."""
    settings = load(config)
    database = open_database(settings.database.url)
    ground = lay_ground(settings, database)
    ground.writer.start()
    await ground.holder.refresh_now()
    receiver = Receiver(ground.context, "PL")
    for count, text in enumerate(texts):
        part = InboundPart("+48777000001", number, text, "gsm7", count.to_bytes(32))
        await receiver.receive("sim", part)
    await ground.writer.stop()
    ground.reader.close()
    database.close()
