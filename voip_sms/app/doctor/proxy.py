"""The SIP proxy in front: whether it is there for those whose phones are behind it, and is believed."""

import socket
from collections.abc import Iterator
from pathlib import Path

from voip_sms.app.doctor.findings import CONNECT, Finding
from voip_sms.app.subscribers import table
from voip_sms.core.directory import Directory
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.traffic import Target


def look(settings: SipSettings, directory: Directory) -> Iterator[Finding]:
    """Nothing at all where nobody is behind a proxy."""
    behind = sum(one.via == "proxy" and one.account.enabled for one in directory.sip.values())
    proxy = settings.proxy()
    if proxy is not None:
        yield _there(settings.outbound, proxy)
    elif behind:
        advice = "set it to the proxy's address: texts for their phones wait"
        yield Finding("fail", "sip.outbound", f"none, and {behind} accounts are `via: proxy`", advice)
    if behind and not settings.trusted_peers:
        advice = "name the proxy's address: else phones behind it can't send"
        yield Finding("warn", "sip.trusted_peers", "none", advice)
    if settings.subscribers:
        yield _kept(Path(settings.subscribers), table(directory))


def _there(text: str, proxy: Target) -> Finding:
    if proxy.transport == "udp":
        advice = "add ;transport=tcp: over UDP long texts are cut in pieces"
        return Finding("warn", "sip.outbound", f"{text}: UDP, can't be asked", advice)
    try:
        socket.create_connection((proxy.host, proxy.port), CONNECT).close()
    except OSError as error:
        advice = "is the proxy running, and does it listen there?"
        return Finding("fail", "sip.outbound", f"{text}: {error.strerror or error}", advice)
    return Finding("ok", "sip.outbound", f"{text} takes connections")


def _kept(file: Path, wanted: str) -> Finding:
    try:
        kept = file.read_bytes()
    except OSError as error:
        advice = "serve writes it when it may: does the folder exist, and is it the service's?"
        return Finding("warn", "sip.subscribers", f"{file}: {error.strerror}", advice)
    if kept != wanted.encode():
        advice = "serve brings it up to date; look for sip_subscribers_not_written in its log"
        return Finding("warn", "sip.subscribers", f"{file} is not as the accounts are now", advice)
    return Finding("ok", "sip.subscribers", f"accounts in {file}: {wanted.count(chr(10)) - 1}")
