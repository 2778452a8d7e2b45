"""Carriers: whether somebody listens there, whether we trust them, and if asked, whether they let us in."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from pydantic import ValidationError

from voip_sms.app.doctor.findings import CONNECT, Check, Finding
from voip_sms.core.directory import Carrier, Directory
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.wire import smpp
from voip_sms.wire.errors import WireError
from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp import status as codes

_COMMANDS: Final = {
    "transceiver": numbers.BIND_TRANSCEIVER,
    "transmitter": numbers.BIND_TRANSMITTER,
    "receiver": numbers.BIND_RECEIVER,
    "pair": numbers.BIND_TRANSMITTER,
}
_READ: Final = 4096
_READS: Final = 16
"""Pieces of an answer of a few dozen octets; whoever sends more before it answers is no SMSC."""


class _NoSmscError(Exception):
    """It answers, but not as an SMSC."""


def checks(directory: Directory, *, bind: bool) -> Iterator[Check]:
    """One for each carrier. With `bind` we log in for a moment: a carrier may end the service's own bind."""
    if not directory.carriers:
        yield Check("carriers", _none)
    for name, carrier in sorted(directory.carriers.items()):
        yield Check(f"carrier {name}", _Look(carrier, bind=bind))


def _none() -> Iterator[Finding]:
    yield Finding("skip", "carriers", "none", "voip-sms apply adds them")


class _Look:
    """What is done for one carrier."""

    def __init__(self, carrier: Carrier, *, bind: bool) -> None:
        self._carrier = carrier
        self._bind = bind

    def __call__(self) -> Iterator[Finding]:
        name = f"carrier {self._carrier.name}"
        if not self._carrier.enabled:
            yield Finding("skip", name, "switched off")
            return
        try:
            settings = SmppCarrier.model_validate({**self._carrier.settings, "name": self._carrier.name})
        except ValidationError as error:
            yield Finding("fail", name, f"{error.error_count()} settings are wrong", "apply it anew")
            return
        yield self._visit(name, settings)

    def _visit(self, name: str, settings: SmppCarrier) -> Finding:
        where = f"{settings.host}:{settings.port}"
        try:
            with closing(_connected(settings)) as stream:
                status = _bound(stream, settings) if self._bind else None
        except ssl.SSLError as error:
            advice = "has it another certificate, or does it want no TLS? tls_ca names a private authority"
            return Finding("fail", name, f"{where}: TLS: {error.reason or error}", advice)
        except OSError as error:
            advice = (
                "are host and port right, does a firewall or a VPN stand between, does it know our address?"
            )
            return Finding("fail", name, f"{where}: {error.strerror or error}", advice)
        except (_NoSmscError, WireError) as error:
            return Finding("fail", name, f"{where}: {error}", "is this its SMPP port?")
        return _judged(name, where, status)


def _judged(name: str, where: str, status: int | None) -> Finding:
    if status is None:
        return Finding("ok", name, f"{where} answers", "whether it lets us in: doctor --bind")
    if status == codes.ROK:
        return Finding("ok", name, f"{where} lets us in")
    word = codes.status_name(status)
    advice = "system_id, password, system_type; has the service all binds that this account may have?"
    return Finding("fail", name, f"{where} refuses the bind: {word}", advice)


def _connected(settings: SmppCarrier) -> socket.socket:
    """A connection with time-outs, over TLS if it is set. OSError; ssl.SSLError is one."""
    plain = socket.create_connection((settings.host, settings.port), CONNECT)
    if not settings.tls:
        return plain
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context.wrap_socket(plain, server_hostname=settings.host)
    except BaseException:
        plain.close()
        raise


def _bound(stream: socket.socket, settings: SmppCarrier) -> int:
    """Bind and unbind at once; the status of the answer (SMPP 3.4 4.1)."""
    request = smpp.Bind(
        _COMMANDS[settings.bind], 1, settings.system_id, settings.password, settings.system_type
    )
    stream.sendall(smpp.encode(request))
    framer = smpp.Framer()
    for _ in range(_READS):
        data = stream.recv(_READ)
        if not data:
            raise _NoSmscError("it ends the connection when we bind")
        for frame in framer.feed(data):
            answer = smpp.decode(frame)
            if isinstance(answer, smpp.BindResp | smpp.GenericNack):
                stream.sendall(smpp.encode(smpp.Unbind(2)))
                return answer.status
    raise _NoSmscError("it answers the bind with something else")
