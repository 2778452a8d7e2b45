"""Forwarding with the real SIP forwarder over a real database and real sockets; phones are what a test makes them."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from support.fakes import FakeClock
from support.forwarding import FakeForwarder
from support.world import ACME, DIRECTORY, OWN, World, world
from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Account, Identity, SipAccount
from voip_sms.core.model import Binding
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.events import job_row
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.registrations import StoredRegistrations
from voip_sms.forwards.sip import SipForwarder
from voip_sms.net.sip.endpoint import Endpoint, Listen

DOMAIN = "sms.test"
PEER = "+48777000001"
MAILBOX = "boss@example.test"
"""The customer's: no other gets anything."""


def account_of(number: int) -> Account:
    return Account(b"user" + number.to_bytes(12, "big"), ACME, "sip", str(number), Identity("number", OWN))


@dataclass
class Edge:
    """`udp` is where we listen; `users` have SIP accounts; mail goes to a recording forwarder."""

    scene: World
    endpoint: Endpoint
    udp: tuple[str, int]
    tcp: tuple[str, int]
    mail: FakeForwarder = field(default_factory=FakeForwarder)
    forwarding: Forwarding | None = None
    _count: int = 0

    def __post_init__(self) -> None:
        credentials = DirectoryCredentials(lambda: self.scene.directory)
        dropping = StoredRegistrations(self.scene.context)
        self.sip = SipForwarder(self.endpoint, DOMAIN, credentials, dropping)
        self.registrations = StoredRegistrations(self.scene.context, self.sip.registered)

    async def start(self) -> Forwarding:
        self.forwarding = Forwarding(
            self.scene.context, self.scene.signals, {"sip": self.sip, "mail": self.mail}
        )
        await self.forwarding.start()
        return self.forwarding

    async def stop(self, drain: float = 0.1) -> None:
        if self.forwarding is not None:
            await self.forwarding.stop(drain)
            self.forwarding = None

    async def texts(self, users: Mapping[str, list[str]], kind: Any = "sip") -> None:
        """Texts that wait for these users (or mailboxes), oldest first."""
        rows: dict[str, list[dict[str, Any]]] = {"message": [], "message_text": [], "forward_job": []}
        for user, texts in users.items():
            for text in texts:
                self._count += 1
                message = _inbound(self._count, self.scene.clock.now())
                rows["message"].append(message)
                body = {"message_id": message["id"], "tenant_id": ACME, "body": text}
                rows["message_text"].append(body)
                rows["forward_job"].append(
                    job_row(message, kind, user, self.scene.clock.now(), self.scene.ids.new())
                )
        for table, found in rows.items():
            await self.scene.insert(table, *found)
        self.scene.signals.wake(("forwards",))

    async def register(
        self, user: str, source: tuple[str, int], cseq: int = 1, contact: str = "", flow: str = ""
    ) -> None:
        """A REGISTER that came from there; over TCP `flow` is its connection."""
        one = Binding(
            user,
            contact or f"sip:{user}@10.0.0.9",
            f"{source[0]}:{source[1]}",
            "tcp" if flow else "udp",
            flow or "udp0",
            f"reg-{user}",
            cseq,
            self.scene.clock.now() + HOUR,
        )
        await self.registrations.register(account_of(int(user)), [one])
        self.scene.signals.wake(("forwards",))

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.scene.rows("forward_job")]


@asynccontextmanager
async def edge(url: str, clock: FakeClock, users: int) -> AsyncIterator[Edge]:
    """Users 100, 101 … with an account each; nothing runs yet."""
    scene = world(url, clock)
    accounts = (account_of(number) for number in range(100, 100 + users))
    scene.directory = replace(
        DIRECTORY,
        mailboxes={ACME: frozenset({MAILBOX})},
        sip={one.name: SipAccount(one, {}) for one in accounts},
        subscriptions={},
    )
    await scene.start()
    endpoint = Endpoint(key=bytes(32), new_id=secrets.token_hex)
    udp, tcp = await endpoint.start([Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", 0)])
    made = Edge(scene, endpoint, (udp.host, udp.port), (tcp.host, tcp.port))
    try:
        yield made
    finally:
        await made.stop()
        await endpoint.close(0)
        await scene.stop()


def _inbound(number: int, now: int) -> dict[str, Any]:
    return {
        "id": b"inbound-" + number.to_bytes(8, "big"),
        "tenant_id": ACME,
        "submission_id": b"inbound-" + number.to_bytes(8, "big"),
        "direction": "inbound",
        "status": "received",
        "account": "",
        "door": "carrier",
        "sender": PEER,
        "sender_kind": "number",
        "recipient": OWN,
        "encoding": "gsm7",
        "parts": 1,
        "price": None,
        "currency": "",
        "carrier": "sim",
        "pool": "",
        "reference": 0,
        "client_ref": None,
        "priority": 1,
        "created_at": now,
        "send_at": None,
        "expires_at": now,
        "possible_duplicate": False,
        "error_code": None,
        "error_detail": None,
        "flags": "",
        "cause": None,
        "trace": "[]",
    }
