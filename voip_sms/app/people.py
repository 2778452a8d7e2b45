"""People from outside `serve`: one-time links, for who is locked out, with `serve` running or not."""

import asyncio
import os
import time
from dataclasses import replace

from voip_sms.app.administration import administered
from voip_sms.app.audit import by_command, seal
from voip_sms.app.build import lay_ground
from voip_sms.app.settings import Settings
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.guessing import Guesses
from voip_sms.core.people import LinkKind
from voip_sms.engine.context import Context
from voip_sms.engine.people.links import Links
from voip_sms.engine.people.sign_in import SignIn
from voip_sms.engine.proving import Proving
from voip_sms.store import snapshot
from voip_sms.store.database import Database
from voip_sms.store.errors import DatabaseUnreachableError


def link(settings: Settings, mail: str, kind: LinkKind) -> str:
    """A link for whoever signs in with this address. DatabaseError, Refusal."""
    with administered(settings) as database:
        try:
            made = asyncio.run(_link(settings, database, mail, kind))
        except StoreUnavailableError as error:
            why = error.detail or "it does not answer"
            where = database.url.render_as_string(hide_password=True)
            raise DatabaseUnreachableError(f"{where}: {why}; try again later") from error
        seal(database)
        return made


async def _link(settings: Settings, database: Database, mail: str, kind: LinkKind) -> str:
    ground = lay_ground(settings, database)
    ground.writer.start()
    try:
        directory = await ground.reader.run(snapshot.load)
        context = replace(ground.context, directory=lambda: directory)
        return await _links(settings, context).make(mail, kind, by_command("cli", "user"))
    finally:
        await ground.writer.stop()
        ground.reader.close()


def _links(settings: Settings, context: Context) -> Links:
    proving = Proving(os.urandom)
    sign_in = SignIn(context, proving, Guesses(time.monotonic), os.urandom, seconds=time.monotonic)
    panel = settings.panel.address(settings.http.listen)
    return Links(context, proving, sign_in, os.urandom, panel=panel)
