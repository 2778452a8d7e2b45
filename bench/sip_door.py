"""The product's own SIP edge with an engine that stores nothing: parsing, transactions, digest."""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from bench.sip_load import DOMAIN, TEXT, USERS, password_of, user_of
from voip_sms.core.directory import Account, Id, Identity, SipAccount
from voip_sms.core.model import Binding, Item, Message, PhoneSource, Plan, Submission, Submitted
from voip_sms.demo.certificate import Certificate
from voip_sms.doors.sip.door import Engine, SipDoor
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.wire.sip.digest import Algorithm, ha1
from voip_sms.wire.sip.imdn import Receipt

TENANT = b"tenant-0-0123456"


class Forgetful:
    """ports.Submitter, Credentials, Registrations, Dispositions: takes everything, keeps nothing."""

    def __init__(self) -> None:
        self._accounts = {user_of(n): _account(user_of(n), password_of(n)) for n in range(USERS)}
        self._taken = Submitted(TENANT, [Item("", _message())])

    def sip_account(self, user: str) -> SipAccount | None:
        return self._accounts.get(user)

    def api_key(self, token: str) -> Account | None:
        del token
        return None

    async def submit(self, submission: Submission) -> Submitted:
        del submission
        return self._taken

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        del submission
        return []

    async def cancel(self, tenant_id: Id, message_id: Id) -> Message:
        raise NotImplementedError(tenant_id, message_id)

    async def register(self, account: Account, bindings: Sequence[Binding]) -> Sequence[Binding]:
        del account
        return bindings

    async def unregister_all(self, account: Account) -> None:
        """Nothing is there."""

    async def bindings(self, account: Account) -> Sequence[Binding]:
        del account
        return []

    async def announced(self, account: Account) -> None:
        """There is no proxy here."""

    async def drop(self, account: Account, contact: str, seen: Binding | None = None) -> None:
        """Nothing is there."""

    async def take(self, account: Account, receipts: Sequence[Receipt]) -> None:
        """Nothing is there."""

    async def wrote_cpim(self, account: Account, writer: PhoneSource) -> bool:
        """Nothing is there."""
        del account, writer
        return False

    async def everywhere(self, most: int) -> Sequence[Binding]:
        del most
        return []

    async def flow_died(self, flow: str) -> None:
        """Nothing is there."""


def _account(user: str, password: str) -> SipAccount:
    account = Account(user.encode().ljust(16, b"\0"), TENANT, "sip", user, Identity("name", "ACME"))
    return SipAccount(account, {str(one): ha1(one, user, DOMAIN, password) for one in Algorithm})


def _message() -> Message:
    return Message(
        id=TENANT, tenant_id=TENANT, direction="outbound", status="accepted", sender="ACME",
        to="+48601123456", text=TEXT.decode(), encoding="gsm7", parts=1, price=0,
        currency="PLN", door="sip", account="sip:101", client_ref=None, created_at=0,
    )  # fmt: skip


async def _settings(folder: Path) -> SipSettings:
    listeners = {"udp": "127.0.0.1:0", "tcp": "127.0.0.1:0"}
    if made := await Certificate.make(folder):
        listeners |= {"tls": "127.0.0.1:0", "tls_cert": str(made.chain), "tls_key": str(made.key)}
    return SipSettings.model_validate({"domain": DOMAIN, **listeners})


async def _serve() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory() as folder:
        settings = await _settings(Path(folder))
        endpoint = Endpoint(
            key=os.urandom(32), new_id=lambda: os.urandom(16).hex(), tls=settings.tls_contexts()
        )
    nobody = Forgetful()
    door = SipDoor(
        endpoint,
        settings,
        Engine(nobody, nobody, nobody, nobody),
        nonce_key=os.urandom(32),
        now=lambda: time.time_ns() // 1000,
        random=os.urandom,
    )
    door.attach()
    bound = await endpoint.start(settings.listeners())
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    addresses = {f"sip_{one.transport}": f"{one.host}:{one.port}" for one in bound}
    print("ready " + json.dumps({"pid": os.getpid(), **addresses}), flush=True)
    await told_to_stop.wait()
    await endpoint.close()


if __name__ == "__main__":
    uvloop.run(_serve())
