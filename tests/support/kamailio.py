"""A Kamailio in front of the service's SIP side, as it is shipped, and what both of them do then."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from support import peers
from support.fakes import FakeClock
from support.sip_engine import message
from support.sip_raw import RawTcp, RawUdp
from support.sip_service import Service, registration, signed
from support.tls import Authority, Certified
from voip_sms.app.subscribers import Subscribers
from voip_sms.core.directory import Directory, Tenant
from voip_sms.core.failures import Outcome
from voip_sms.core.model import ForwardJob
from voip_sms.demo.kamailio import DOMAIN, Kamailio
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.softphone import SoftPhone

TENANT = Tenant(b"T" * 16, "acme", "std")


@dataclass
class Front:
    """`service` records what comes in; phones go to `kamailio`. All accounts are `via: proxy`."""

    kamailio: Kamailio
    service: Service
    _jobs: int = field(default=0)

    def account(
        self, user: str, transport: str = "udp", password: str = "", root_ca: str = ""
    ) -> PhoneAccount:
        """What a phone of this user must know."""
        port = self.kamailio.secure if transport == "tls" else self.kamailio.port
        secret = password or f"pw{user}"
        return PhoneAccount(user, secret, DOMAIN, "127.0.0.1", port, transport, root_ca=root_ca)

    def udp(self, local: str = "") -> RawUdp:
        return RawUdp("127.0.0.1", self.kamailio.port, local)

    def tcp(self) -> RawTcp:
        return RawTcp("127.0.0.1", self.kamailio.port)

    def job(self, text: str = "hej", user: str = "101", attempt: int = 0) -> ForwardJob:
        """A text for a user's phones; each call makes another one."""
        self._jobs += 1
        inbound = message(self._jobs, text=text, created_at=self.service.clock.now())
        return ForwardJob(
            inbound.id, inbound.tenant_id, "sip", user, "message.received", inbound, attempt, 0, via="proxy"
        )

    async def deliver(self, text: str = "hej", user: str = "101") -> Outcome:
        return await self.service.forwarder.deliver(self.job(text, user))

    def know(self) -> None:
        """Write down who may register."""
        Subscribers(self.kamailio.subscribers).keep(
            Directory(tenants={TENANT.id: TENANT}, sip=self.service.engine.accounts)
        )


@asynccontextmanager
async def fronted(
    clock: FakeClock,
    *,
    files: Certified | None = None,
    defines: Mapping[str, object] | None = None,
    nodes: int = 1,
    change: Callable[[Kamailio], None] = lambda _: None,
) -> AsyncIterator[Front]:
    """Kamailio with one node of the service behind it, or several that share their engine.

    `change` alters its files before it starts.
    """
    peers.need("kamailio")
    tls = {"chain": str(files.cert), "key": str(files.key)} if files else {}
    kamailio = Kamailio(**tls, defines=defines)
    services = [Service(clock, trusted_peers=["127.0.0.1"], outbound=kamailio.outbound) for _ in range(nodes)]
    first = services[0]
    first.engine.accounts = {user: replace(one, via="proxy") for user, one in first.engine.accounts.items()}
    for service in services:
        service.engine = first.engine
        await service.start()
    front = Front(kamailio, first)
    front.know()
    change(kamailio)
    try:
        await kamailio.start(*(service.tcp[1] for service in services))
        yield front
    finally:
        await kamailio.stop()
        for service in services:
            await service.stop()


@asynccontextmanager
async def phone_behind(
    clock: FakeClock, folder: Path, make: Callable[[PhoneAccount], Phone | SoftPhone], transport: str
) -> AsyncIterator[tuple[Front, Phone | SoftPhone]]:
    """101's phone of this make, registered over udp, tcp or tls, with the Kamailio that it is behind."""
    authority = Authority(folder)
    async with (
        fronted(clock, files=authority.issue()) as front,
        make(front.account("101", transport, root_ca=str(authority.file))) as phone,
    ):
        assert (await phone.register()).status == 200
        yield front, phone


async def at_home(phone: RawUdp | RawTcp, user: str = "101", *headers: str) -> None:
    """Register a raw phone, with a private address as its contact, as behind a NAT."""
    over = "" if phone.transport == "UDP" else ";transport=tcp"
    contact = f"<sip:{user}@192.168.7.{phone.address[1] % 200}:5060{over}>"
    answer = await signed(phone, registration(user, contact, *headers), user)
    assert answer.status == 200, answer
