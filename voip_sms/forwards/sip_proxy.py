"""A user whose phones are behind a proxy, as one contact: the proxy knows them, and rings at all of them."""

from typing import Literal, cast

from voip_sms.core.model import Binding, ForwardJob
from voip_sms.net.sip.traffic import Target
from voip_sms.net.sip.transports import joined
from voip_sms.wire.sip.uri import sip_uri


def at_proxy(job: ForwardJob, domain: str, proxy: Target) -> Binding:
    """The address of record in a contact's place; its answer is the best of the phones' (RFC 3261 16.7)."""
    return Binding(
        user=job.target,
        contact=sip_uri(job.target, domain),
        source=joined((proxy.host, proxy.port)),
        transport=cast(Literal["udp", "tcp", "tls"], proxy.transport),
        flow="",
        call_id="",
        cseq=0,
        expires_at=0,
    )
