"""The product under load: `voip-sms serve` as a customer starts it, with one tenant, one carrier, one key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from bench.load import TEXT, Http
from bench.mail_load import SENDER
from bench.mail_load import TOKEN as MAIL_TOKEN
from bench.recipients import PLACE
from bench.sip_load import DOMAIN, USERS, password_of, user_of
from voip_sms.demo.certificate import Certificate
from voip_sms.demo.clients import Http as Client
from voip_sms.demo.clients import until
from voip_sms.demo.process import Service, run

TOKEN = "bench-key-acme-0123456789abcdef"  # of a server on loopback that lives for one run
WINDOW = 100
# An apply reads, plans and writes a small document; 2 s here.
COMMAND = 60.0

_CONFIG = """\
[service]
data_dir = "var"
[database]
url = "{database}"
[http]
listen = "127.0.0.1:0"
[sip]
domain = "{domain}"
udp = "127.0.0.1:0"
tcp = "127.0.0.1:0"
{tls}
rate = 0
[mail]
listen = "127.0.0.1:0"
[log]
level = "warning"
"""


@dataclass(frozen=True, slots=True)
class Carrying:
    """The carrier that it submits to; `system_id` names its bind there."""

    host: str
    port: int
    system_id: str


class VoipSms:
    """One service in `folder`, on SQLite or on the PostgreSQL database that `database` names."""

    def __init__(
        self,
        carrying: Carrying,
        folder: Path,
        database: str = "sqlite:///var/voip-sms.db",
        accounts: int = USERS,
    ) -> None:
        self._accounts = accounts
        self._carrying = carrying
        self._folder = folder
        self._database = database
        self._config = folder / "voip-sms.toml"
        self._service = Service("serve", "--config", str(self._config), log=folder / "serve.log")

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        tls = _tls(await Certificate.make(self._folder))
        text = _CONFIG.format(database=self._database, domain=DOMAIN, tls=tls)
        self._config.write_text(text, encoding="utf-8")
        if not self._database.startswith("sqlite"):
            await self._command("db", "upgrade", "--config", str(self._config))
        await self._service.start()
        try:
            customer = self._folder / "customer.yaml"
            customer.write_text(yaml.safe_dump(_customer(self._carrying, self._accounts)), encoding="utf-8")
            await self._command("apply", str(customer), "--config", str(self._config))
            await self._bound()
        except BaseException:
            await self._service.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._service.running:
            await self._service.stop(within=30)

    async def crash(self) -> None:
        """Killed, and started again."""
        await self._service.kill()
        await self._service.start()

    @property
    def pids(self) -> list[int]:
        return [self._service.pid]

    @property
    def service(self) -> Service:
        """Its process."""
        return self._service

    @property
    def sip(self) -> tuple[str, int]:
        return self._service.address("sip_udp")

    @property
    def smtp(self) -> tuple[str, int]:
        return self._service.address("smtp")

    def request(self, *, keyed: bool = True) -> Http:
        """One message a request; `keyed` with an Idempotency-Key, as a careful program sends it."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        if keyed:
            headers["Idempotency-Key"] = f"bench-{PLACE}"
        body = f'{{"to":"+{PLACE}","text":"{TEXT}"}}'
        return Http(str(self._service.ready["http"]), "POST", "/v1/messages", body, headers)

    async def _command(self, *arguments: str) -> None:
        done = await run(*arguments, within=COMMAND)
        if done.code:
            raise RuntimeError(f"voip-sms {' '.join(arguments)}: {done.code}\n{done.out}{done.err[-2000:]}")

    async def _bound(self) -> None:
        client = Client(str(self._service.ready["http"]), TOKEN)

        async def states() -> bool:
            status, answer, _ = await client.call("GET", "/v1/carriers")
            return status == 200 and any(one["state"] == "bound" for one in answer["data"])

        try:
            await until(states, f"the carrier is not bound\n{self._service.log_text()[-2000:]}")
        finally:
            await client.close()


def _tls(made: Certificate | None) -> str:
    if made is None:
        return ""
    return f'tls = "127.0.0.1:0"\ntls_cert = "{made.chain}"\ntls_key = "{made.key}"'


def _customer(carrying: Carrying, accounts: int) -> dict[str, Any]:
    return {
        "version": 1,
        "carriers": [
            {"name": "sim", "kind": "smpp", "host": carrying.host, "port": carrying.port}
            | {"system_id": carrying.system_id, "password": "sim", "bind": "transceiver"}
            | {"window": WINDOW, "rate": 0}
        ],
        "routes": [{"prefix": "+48", "carrier": "sim"}],
        "price_lists": [
            {"name": "std", "currency": "PLN", "valid_from": "2026-01-01"}
            | {"rates": [{"prefix": "+48", "amount": "0.29"}]}
        ],
        "tenants": [
            {
                "name": "acme",
                "price_list": "std",
                "credit": "10000000.00",
                "sender_names": [{"name": "ACME", "status": "approved"}],
                "keys": [
                    {"name": "app", "token": TOKEN, "scopes": ["messages", "admin"]}
                    | {"identity": {"kind": "name", "value": "ACME"}}
                ],
                "mail_senders": [
                    {"address": SENDER, "token": MAIL_TOKEN, "identity": {"kind": "name", "value": "ACME"}}
                ],
                "sip_accounts": [
                    {"user": user_of(n), "password": password_of(n)}
                    | {"identity": {"kind": "name", "value": "ACME"}}
                    for n in range(accounts)
                ],
            }
        ],
    }
