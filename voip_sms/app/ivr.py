"""Wires the IVR door: the PBX's connection, the folder of flows, the voice, and the engine behind them."""

import hmac
import os
import random
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from voip_sms.app.settings import Settings
from voip_sms.core.clock import to_datetime
from voip_sms.core.directory import Account
from voip_sms.core.ports import Submitter
from voip_sms.doors.ivr import web
from voip_sms.doors.ivr.door import Ids, IvrDoor
from voip_sms.doors.ivr.knowledge import mobile_of
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.runner import Engine
from voip_sms.doors.ivr.shelf import Shelf
from voip_sms.doors.ivr.speech import Speech, Speechless, SpokenBy
from voip_sms.engine.calls import Calling
from voip_sms.engine.context import Context
from voip_sms.net.ari import Ari
from voip_sms.net.http.server import HttpServer

log = structlog.get_logger(__name__)

PLAYBACK_OCTETS: Final = 16
"""Of the name of a playback: nobody else at the PBX guesses it."""


def ivr_door(
    settings: Settings, ari: Ari | None, context: Context, submit: Submitter, *, http: HttpServer, key: bytes
) -> IvrDoor | None:
    """The door, and its sounds on `http` if the PBX fetches them; None without flows or a PBX.

    `key`: 32 secret octets that stay over restarts.
    """
    if not settings.ivr.flows:
        return None
    if ari is None:
        log.error("ivr_without_pbx", advice="ivr.flows needs asterisk.url")
        return None
    prompts = prompts_of(settings, key)
    if settings.ivr.prompts_url:
        web.register(http, prompts)
    country = settings.service.country
    engine = Engine(
        Calling(context, submit, country),
        partial(_now, context),
        partial(mobile_of, country),
        context.metrics,
    )
    return IvrDoor(
        ari,
        partial(Shelf, Path(settings.ivr.flows), country, prompts),
        prompts,
        engine,
        most=settings.ivr.calls,
        ids=Ids(lambda: os.urandom(PLAYBACK_OCTETS).hex(), random.random),
    )


def prompts_of(settings: Settings, key: bytes) -> Prompts:
    """The sounds of spoken texts, in their folder."""
    ivr = settings.ivr
    return Prompts(speech_of(settings), prompts_folder(settings), ivr.prompts_url, _derived(key))


def speech_of(settings: Settings) -> Speech:
    """What speaks texts."""
    ivr = settings.ivr
    return SpokenBy(ivr.speech, ivr.sox) if ivr.speech else Speechless()


def prompts_folder(settings: Settings) -> Path:
    """Where spoken texts lie."""
    return Path(settings.ivr.prompts) if settings.ivr.prompts else settings.data_dir / "prompts"


def _derived(key: bytes) -> bytes:
    """A key of its own for each purpose."""
    return hmac.digest(key, b"ivr prompts", "sha256")


def _now(context: Context, account: Account) -> datetime:
    """Where the customer is: opening hours are theirs."""
    tenant = context.directory().tenants.get(account.tenant_id)
    zone = ZoneInfo("UTC" if tenant is None else tenant.timezone)
    return to_datetime(context.clock.now()).astimezone(zone)
