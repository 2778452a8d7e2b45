"""The PBX: whether it answers and lets us in, and has the sounds that flows play."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final

from voip_sms.app.doctor.findings import CONNECT, Finding
from voip_sms.app.doctor.flows import flows_of
from voip_sms.app.settings import Settings
from voip_sms.doors.ivr.channels import has_sound
from voip_sms.net.ari import Ari, AriError, AriRefusedError

OLDEST: Final = 20
"""Of Asterisk: of older ones nobody knows whether they do."""
_MAJOR: Final = re.compile(r"(\d+)\.")


def look(settings: Settings) -> Iterator[Finding]:
    """Nothing is called, played or sent."""
    if settings.asterisk.url:
        yield from asyncio.run(examine(settings))


async def examine(settings: Settings) -> list[Finding]:
    """The same, in a loop that runs already."""
    ari = Ari(settings.asterisk, deadline=CONNECT)
    try:
        found = [_version(settings, await ari.get("asterisk", "info"))]
        return found + await _sounds(ari, settings)
    except AriError as error:
        return [Finding("fail", "asterisk.url", f"{settings.asterisk.url}: {error}", _advice(error))]
    finally:
        await ari.close()


def _version(settings: Settings, info: Any) -> Finding:
    version = str(info.get("system", {}).get("version", "")) if isinstance(info, dict) else ""
    found = f"{settings.asterisk.url}: Asterisk {version or 'of no known version'}"
    major = _MAJOR.search(version)
    if major is not None and int(major[1]) < OLDEST:
        return Finding("warn", "asterisk.url", found, f"tried with 22; {OLDEST} or newer is likely to do")
    return Finding("ok", "asterisk.url", found)


async def _sounds(ari: Ari, settings: Settings) -> list[Finding]:
    if not settings.ivr.flows:
        return []
    heard = [one for flow in flows_of(settings)[0].values() for one in flow.prompts() if one.kind == "sound"]
    names = sorted({one.text for one in heard})
    missing = [name for name in names if not await has_sound(ari, name)]
    advice = "put it where Asterisk looks (`core show settings`), or the flow is refused"
    return [Finding("fail", "ivr.flows", f"the PBX has no sound {name}", advice) for name in missing]


def _advice(error: AriError) -> str:
    if isinstance(error, AriRefusedError):
        return "compare section [asterisk] with Asterisk's ari.conf and http.conf"
    return "is Asterisk up, and http.conf's address this one? `http show status` on its console"
