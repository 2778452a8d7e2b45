"""Flows of calls: what is wrong with their files, and whether callers can hear their texts."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from voip_sms.app.doctor.findings import Finding
from voip_sms.app.ivr import prompts_folder, speech_of
from voip_sms.app.settings import Settings
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.reading import read_flows
from voip_sms.doors.ivr.speech import SpeechError


def look(settings: Settings) -> Iterator[Finding]:
    """Without asking the PBX."""
    if not settings.ivr.flows:
        return
    if not settings.asterisk.url:
        yield Finding("fail", "ivr.flows", "there is no PBX", "set asterisk.url, user and password")
    flows, problems = flows_of(settings)
    for problem in problems:
        yield Finding("fail", "ivr.flows", problem, "what the service read before stays in force")
    found = ", ".join(sorted(flows)) or "none"
    yield Finding("ok" if flows else "warn", "ivr.flows", f"{settings.ivr.flows}: {found}")
    languages = {one.language for flow in flows.values() for one in flow.prompts() if one.kind != "sound"}
    for language in sorted(languages):
        yield _voice(settings, language)
    if languages and not settings.ivr.prompts_url:
        yield _folder(prompts_folder(settings))


def flows_of(settings: Settings) -> tuple[Mapping[str, Flow], tuple[str, ...]]:
    """The flows of the folder, and what is wrong with the others."""
    return read_flows(Path(settings.ivr.flows), country=settings.service.country)


def _voice(settings: Settings, language: str) -> Finding:
    try:
        speech_of(settings).speak("1", language)
    except SpeechError as error:
        return Finding("fail", "ivr.speech", str(error), "flows that say something are refused until then")
    return Finding("ok", "ivr.speech", f"{settings.ivr.speech} speaks {language}")


def _folder(folder: Path) -> Finding:
    """A PBX that runs as another user must get through every folder on the way to a sound."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.stat().st_mode & stat.S_IXOTH:
            advice = "set ivr.prompts to one that Asterisk's user can read, or ivr.prompts_url"
            return Finding("warn", "ivr.prompts", f"{place} is closed to other users", advice)
    return Finding("ok", "ivr.prompts", str(folder))
