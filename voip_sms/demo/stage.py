"""The stage of the story: a folder with real configuration, and every process and sink that plays in it."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml

from voip_sms.demo.certificate import Certificate
from voip_sms.demo.clients import Handsets, Http, until
from voip_sms.demo.hook_sink import HookSink
from voip_sms.demo.mail_sink import MailSink
from voip_sms.demo.name_server import NameServer
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import Finished, Service, run

SQLITE = "sqlite:///var/voip-sms.db"
TOKEN = "demo-key-acme-0123456789abcdef"
HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OWN, SECOND = "+48601000001", "+48601000002"
SECURE, LINPHONE = "+48601000003", "+48601000004"
POOL = ("+48799000001", "+48799000002")
MAILBOX = "biuro@example.test"
WRITER, WRITER_SECRET, WRITER_LIMIT = "sklep@example.test", "sklep-secret", 500
"""Who sends by mail, and how much in a month."""
MAIL_NUMBER = "+48601000005"
"""What its SMS show; answers to it go to whoever wrote."""
PERSON, OPERATOR = "anna@example.test", "olga@operator.test"
"""Who signs in at the panel: the customer's administrator, and whoever runs the service."""
COLLEAGUES = ("+48602000001", "+48602000002", "+48602000003")

CONFIG = """\
[service]
data_dir = "var"
country = "PL"
[database]
url = "{database}"
[http]
listen = "{http}"
[sip]
domain = "sms.test"
udp = "{sip}"
tcp = "{sip}"
tls = "{tls}"
tls_cert = "{chain}"
tls_key = "{key}"
[mail]
listen = "{smtp}"
domain = "sms.test"
from = "sms@sms.test"
relay = "{relay}"
dns = "{dns}"
[webhooks]
allow = ["http://127.0.0.0/8"]
[dispatch]
response_timeout = 3
[log]
format = "console"
"""


class Stage:
    """Everything that runs during the demo. `async with Stage() as stage`."""

    def __init__(
        self,
        database: str = SQLITE,
        environment: Mapping[str, str] | None = None,
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """`environment` overrides settings of the service (`VOIP_SMS_<SECTION>__<KEY>`).

        `change` edits the customer's configuration before it is applied.
        """
        self._change = change
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-demo-"))
        self.config = self.folder / "voip-sms.toml"
        self.database = database
        self.mail, self.hooks, self.names = MailSink(), HookSink(), NameServer()
        self.smsc = Service(
            *("smsc", "--smpp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--system-id", "sim"),
            *("--password", "sim"),
            log=self.folder / "smsc.log",
        )
        self.serve = Service(
            *("serve", "--config", str(self.config)), log=self.folder / "serve.log", environment=environment
        )

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (getattr(self, "api", None), getattr(self, "simulator", None)):
            if client is not None:
                await client.close()
        for service in (self.serve, self.smsc):
            if service.running:
                with suppress(Exception):
                    await service.stop()
        await asyncio.gather(self.mail.stop(), self.hooks.stop())
        self.names.stop()

    def forget(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _open(self) -> None:
        await asyncio.gather(self.mail.start(), self.hooks.start(), self.names.start(), self.smsc.start())
        self.certificate = await Certificate.make(self.folder)
        self._write_config()
        if not self.database.startswith("sqlite"):
            await self._must("db", "upgrade", "--config", str(self.config))
        await self.serve.start()
        self.http_address, self.sip_port = self.serve.ready["http"], self.serve.address("sip_udp")[1]
        self.api = Http(self.http_address, TOKEN)
        self.simulator = Http(self.smsc.ready["simulator_http"])
        self.handsets = Handsets(self.simulator)
        await self.apply(self.customer())
        await until(self._bound, "the carrier was not bound")

    async def apply(self, document: object) -> Finished:
        """`voip-sms apply` of a document; it is in force within 2 s."""
        path = self.folder / "demo.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return await self._must("apply", str(path), "--config", str(self.config))

    async def link(self, mail: str) -> str:
        """`voip-sms user link`: the address that signs somebody in at the panel, once."""
        return (await self._must("user", "link", mail, "--config", str(self.config))).out.strip()

    async def rich(self) -> None:
        """Give the customer credit for a long day of tests."""
        document = self.customer()
        document["tenants"][0]["credit"] = "100000.00"
        await self.apply(document)

        async def seen() -> bool:
            balance = await self.api.get("/v1/balance")
            return bool(balance["credit"]["amount"] == "100000.00")

        await until(seen, "the credit was not raised")

    async def _bound(self) -> bool:
        """The configuration is in force and the carrier there. (A key not yet known would be throttled.)"""
        return 'voip_sms_carrier_bound{carrier="sim"} 1.0' in await self.api.text("/metrics")

    async def _must(self, *arguments: str) -> Finished:
        done = await run(*arguments)
        if done.code:
            raise RuntimeError(f"{arguments[0]} ended with {done.code}: {done.out} {done.err[-1000:]}")
        return done

    def _write_config(self) -> None:
        """Customers know the service by its ports: it must be able to come back on them."""
        made = self.certificate
        text = CONFIG.format(
            http=f"127.0.0.1:{quiet_port()}",
            sip=f"127.0.0.1:{quiet_port()}",
            tls=f"127.0.0.1:{quiet_port()}" if made else "",
            chain=made.chain if made else "",
            key=made.key if made else "",
            smtp=f"127.0.0.1:{quiet_port()}",
            relay=self.mail.url,
            dns=self.names.address,
            database=self.database,
        )
        self.config.write_text(text, encoding="utf-8")

    def customer(self) -> dict[str, Any]:
        """The whole configuration as `apply` takes it, to be changed at will."""
        host, port = self.smsc.address("simulator_smpp")
        document: dict[str, Any] = {
            "version": 1,
            "carriers": [
                {"name": "sim", "kind": "smpp", "host": host, "port": port, "system_id": "sim"}
                | {"password": "sim", "bind": "transceiver", "window": 10, "rate": 0}
            ],
            "routes": [{"prefix": "+48", "carrier": "sim"}],
            "price_lists": [
                {"name": "std", "currency": "PLN", "valid_from": "2026-01-01"}
                | {"rates": [{"prefix": "+48", "amount": "0.29"}]}
            ],
            "pools": [{"name": "pl", "carrier": "sim", "window": "7d", "numbers": list(POOL)}],
            "tenants": [self._tenant()],
            "operators": [{"mail": OPERATOR, "name": "Olga Operator"}],
        }
        self._change(document)
        return document

    def _tenant(self) -> dict[str, object]:
        return {
            "name": "acme",
            "price_list": "std",
            "credit": "200.00",
            "sender_names": [{"name": "ACME", "status": "approved"}],
            "keys": [
                {"name": "app", "token": TOKEN, "scopes": ["messages", "admin"]}
                | {"identity": {"kind": "name", "value": "ACME"}}
            ],
            "sip_accounts": [
                {"user": "101", "password": "pw101", "identity": {"kind": "number", "value": OWN}},
                {"user": "102", "password": "pw102", "identity": {"kind": "2way", "value": "pl"}},
                {"user": "103", "password": "pw103", "identity": {"kind": "number", "value": SECURE}},
                {"user": "104", "password": "pw104", "identity": {"kind": "number", "value": LINPHONE}},
            ],
            "mail_senders": [
                {"address": WRITER, "secret": WRITER_SECRET, "limits": {"month": WRITER_LIMIT}}
                | {"identity": {"kind": "number", "value": MAIL_NUMBER}}
            ],
            "numbers": [
                {"number": OWN, "kind": "own_mobile", "carrier": "sim", "forwards": self._forwards()},
                *(
                    {"number": number, "kind": "own_mobile", "carrier": "sim"}
                    | {"forwards": [{"kind": "sip", "to": [user]}]}
                    for number, user in ((SECOND, "101"), (SECURE, "103"), (LINPHONE, "104"))
                ),
                {"number": MAIL_NUMBER, "kind": "own_mobile", "carrier": "sim"},
            ],
            "blacklist": [{"match": "prefix", "value": "+48600666"}],
            "users": [
                {"mail": PERSON, "name": "Anna Nowak", "role": "admin"}
                | {"identity": {"kind": "2way", "value": "pl"}}
            ],
        }

    def _forwards(self) -> list[dict[str, object]]:
        return [
            {"kind": "sip", "to": ["101"]},
            {"kind": "mail", "to": [MAILBOX]},
            {"kind": "number", "to": list(COLLEAGUES), "verified": True},
            {"kind": "webhook", "url": self.hooks.url(), "secret": HOOK_SECRET, "mode": "standard"},
        ]
