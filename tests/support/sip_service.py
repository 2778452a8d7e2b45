"""SIP endpoint, door and forward on loopback around a recording engine."""

import os
import secrets

from support.fakes import FakeClock
from support.sip_engine import DOMAIN, FakeEngine, sip_account
from support.sip_raw import Ask, RawTcp, RawUdp, authorized
from voip_sms.core.clock import SECOND
from voip_sms.core.guessing import Guesses
from voip_sms.doors.sip.door import Engine, SipDoor
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.forwards.sip import SipForwarder
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.wire.sip.messages import Response

KEY = bytes(range(32))


class Service:
    """Endpoint, door and engine on loopback; `restart` forgets everything but the key and the engine."""

    def __init__(self, clock: FakeClock, **settings: object) -> None:
        self.clock = clock
        self.guesses = Guesses(lambda: clock.now() / SECOND)
        self.engine = FakeEngine(clock.now)
        self.engine.accounts = {"101": sip_account("101", "pw101"), "102": sip_account("102", "pw102", "pl")}
        self.settings = SipSettings.model_validate(
            {"udp": "127.0.0.1:0", "tcp": "127.0.0.1:0", "keep_alive": 0, **settings}
        )

    async def start(self) -> "Service":
        self.endpoint = Endpoint(key=KEY, new_id=secrets.token_hex, tls=self.settings.tls_contexts())
        self.door = SipDoor(
            self.endpoint,
            self.settings,
            Engine(self.engine, self.engine, self.engine, self.engine, guesses=self.guesses),
            nonce_key=KEY,
            now=self.clock.now,
            random=os.urandom,
        )
        self.forwarder = SipForwarder(self.endpoint, DOMAIN, self.engine, self.engine, self.settings.proxy())
        self.door.attach()
        bound = await self.endpoint.start(self.settings.listeners())
        await self.door.start()
        self.bound = [(one.transport, (one.host, one.port)) for one in bound]
        where = dict(reversed(self.bound))
        self.udp, self.tcp = where["udp"], where["tcp"]
        self.tls = where.get("tls", ("", 0))
        return self

    async def stop(self) -> None:
        await self.door.stop()
        await self.endpoint.close(0)


async def signed(peer: RawUdp | RawTcp, ask: Ask, user: str = "101", password: str = "") -> Response:
    """Ask, be challenged, ask again with credentials."""
    challenge = await peer.ask(ask)
    assert challenge.status == 401, challenge
    return await peer.ask(authorized(ask, challenge, user, password or f"pw{user}"))


def registration(user: str = "101", contact: str = "<sip:101@192.168.7.7:5060>", *headers: str) -> Ask:
    """A REGISTER of one contact ("": none, which asks what there is), without credentials."""
    aor = f"<sip:{user}@{DOMAIN}>"
    contacts = (f"Contact: {contact}",) if contact else ()
    return Ask("REGISTER", f"sip:{DOMAIN}", "", f"{aor};tag=r", aor, headers=(*contacts, *headers))
