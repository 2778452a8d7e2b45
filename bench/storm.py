"""A crash of the service, and then all phones at once: their registrations, and the texts that waited."""

import asyncio
import socket
import time
from dataclasses import dataclass

from bench.junk import answered
from bench.load import LoadFailedError
from bench.processes import usage
from bench.service import VoipSms
from bench.sip_load import DOMAIN, T1, Phone, password_of, user_of
from support.fleet import Fleet

PHONES = 2000
WITHIN = 120.0
"""Seconds for all texts to arrive; a busy machine needs some."""
QUIET = 3.0
"""Seconds in which a second copy would come."""


@dataclass(frozen=True, slots=True)
class Weathered:
    """Seconds until so many phones were registered and had their texts; MB before and at the end."""

    half: float
    last: float
    texts: float
    processor: float
    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"{PHONES} registered: half within {self.half:.2f} s, the last {self.last:.2f} s; all texts after"
            f" {self.texts:.2f} s; {self.processor:.2f} s processor; {self.before:.0f} to {self.after:.0f} MB"
        )


async def turn(service: VoipSms) -> Weathered:
    """Write to every phone while none is there, crash, let all of them come at once. LoadFailedError."""
    text = f"text {time.monotonic_ns()}"
    await asyncio.to_thread(_write, service.sip, text)
    await service.crash()
    before = usage(service.pids)
    users = [user_of(number) for number in range(PHONES)]
    async with Fleet(service.sip[1], users, lambda user: f"pw{user}") as fleet:
        began = time.monotonic()
        took = await fleet.register()
        await _all_have_it(fleet)
        texts = time.monotonic() - began
        await asyncio.sleep(QUIET)
        late = [phone.user for phone in fleet.phones if len(phone.got.texts) != 1]
        if late or fleet.twice:
            raise LoadFailedError(f"not one text each: {late[:5]}; handed over twice: {fleet.twice[:5]}")
        after = usage(service.pids)
        for phone in fleet.phones:
            await phone.register(0)
    used = after.seconds - before.seconds
    return Weathered(took[len(took) // 2], took[-1], texts, used, before.memory / 1e6, after.memory / 1e6)


async def _all_have_it(fleet: Fleet) -> None:
    try:
        async with asyncio.timeout(WITHIN):
            while fleet.without:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise LoadFailedError(f"{fleet.without} phones have no text") from None


def _write(address: tuple[str, int], text: str) -> None:
    """From one account to all the others and itself, one after the other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect(address)
        own.settimeout(T1)
        local = "{}:{}".format(*own.getsockname()).encode()
        phone = Phone(user_of(0), password_of(0))
        for number in range(PHONES):
            if not phone.nonce:
                phone.take_nonce(_tell(own, phone, number, text, local))
            _tell(own, phone, number, text, local)


def _tell(own: socket.socket, phone: Phone, number: int, text: str, local: bytes) -> bytes:
    branch = f"{time.monotonic_ns()}"
    uri = f"sip:{user_of(number)}@{DOMAIN}"
    lines = [
        f"MESSAGE {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {local.decode()};branch=z9hG4bK-{branch};rport",
        "Max-Forwards: 70",
        f"From: <sip:{phone.user}@{DOMAIN}>;tag=s",
        f"To: <{uri}>",
        f"Call-ID: storm-{branch}",
        "CSeq: 1 MESSAGE",
        "Content-Type: text/plain",
        f"Content-Length: {len(text)}",
    ]
    if phone.nonce:
        lines.insert(-2, phone.credentials(b"MESSAGE", uri.encode()).decode())
    return answered(own, "\r\n".join((*lines, "", text)).encode(), f"-{branch};".encode())
