"""Every door of one customer on real sockets, over one engine and a real database: the same words to each."""

import asyncio
import os
import secrets
import smtplib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from random import Random
from typing import Any

from support.api import Site, site_over
from support.fakes import FakeClock
from support.mail_door import TrustingSenders
from support.office import ACME_KEY, Office
from support.panel import Visitor
from support.panel_office import PanelOffice, panel_over, person
from support.sip_raw import Ask, RawTcp, authorized
from voip_sms.core.calls import CallOrder
from voip_sms.core.directory import Account
from voip_sms.core.failures import CODES, Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.model import Plan, Submission
from voip_sms.doors.mail.answers import refused
from voip_sms.doors.mail.door import MailDoor
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.doors.panel.frame.words import Catalogues
from voip_sms.doors.panel.reasons import why_not
from voip_sms.doors.sip.door import Engine, SipDoor
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.engine.calls import Calling
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.dispositions import StoredDispositions
from voip_sms.engine.mail import Mailing
from voip_sms.engine.mail_secrets import Secrets
from voip_sms.engine.registrations import StoredRegistrations
from voip_sms.net.sip.endpoint import Endpoint

PHONE_PASSWORD, MAIL_SECRET, MAILBOX, FLOW = "password-1", "s3cret", "office@acme.test", "address"
ACCEPTED = "accepted"
ANN = "ann@acme.test"
DOORS = ("sip", "mail", "ivr", "api", "pbx", "panel")
"""`pbx` is HTTP in the name of the phone."""


def file(identity: dict[str, str], **tenant: Any) -> dict[str, Any]:
    """A customer whose phone, mailbox, flow, program and person all show `identity`."""
    key = {"name": "app1", "scopes": ["messages", "accounts"], "identity": identity}
    mail = {"address": MAILBOX, "secret": MAIL_SECRET, "identity": identity}
    acme = {
        "name": "acme",
        "keys": [key],
        "sip_accounts": [{"user": "101", "identity": identity}],
        "mail_senders": [mail],
        "ivr_flows": [{"name": FLOW, "identity": identity, "limits": {"caller": 99}}],
        "users": [person(ANN, "user", identity=identity)],
        **tenant,
    }
    rates = [{"prefix": "+48", "amount": "0.29"}, {"prefix": "+44", "amount": "0.50"}]
    return {
        "version": 1,
        "routes": [{"prefix": "+48", "carrier": "sim"}, {"prefix": "+44", "carrier": "sim"}],
        "price_lists": [{"name": "std", "rates": rates}],
        "pools": [{"name": "pl", "carrier": "sim", "numbers": [f"+4879900000{n}" for n in range(9)]}],
        "tenants": [acme],
    }


@dataclass
class Doors:
    """`say` the same at any of them; what is heard is the public code, or `accepted`."""

    office: Office
    phone: RawTcp
    site: Site
    smtp: tuple[str, int]
    calling: Calling
    panel: PanelOffice
    count: int = 0
    _ann: Visitor | None = None

    async def say(self, door: str, to: str, text: str) -> str:
        """Send, and be sure that the door's own status is the one of the code (`docs/contract.md`)."""
        self.count += 1
        return str(await getattr(self, f"_{door}")(to, text))

    async def plan(self, door: str, to: str, text: str) -> Plan:
        """What the engine would do with it."""
        submission = Submission(self.account(door), "api" if door == "pbx" else door, (to,), text)
        (plan,) = await self.office.submit.explain(submission)
        return plan

    def account(self, door: str) -> Account:
        """Who sends by this door."""
        directory = self.office.holder.current()
        if door == "mail":
            return directory.mail[MAILBOX].account
        if door == "ivr":
            found = self.calling.account("acme", FLOW, None)
            assert found is not None
            return found
        if door == "api":
            return next(one for one in directory.keys.values() if one.name == "app1")
        if door == "panel":
            return next(one for one in directory.accounts.values() if one.ref == f"user:{ANN}")
        return directory.sip["101"].account

    async def ann(self) -> Visitor:
        """Somebody who is signed in at the panel."""
        if self._ann is None:
            self._ann = await self.panel.visitor(ANN)
        return self._ann

    # --- each door ---

    async def _api(self, to: str, text: str, **more: str) -> str:
        heard = await self.site.client(ACME_KEY).call(
            "POST", "/v1/messages", {"to": to, "text": text, **more}
        )
        if heard.status == 202:
            return ACCEPTED
        assert heard.status == CODES[heard.code].http
        return heard.code

    async def _pbx(self, to: str, text: str) -> str:
        return await self._api(to, text, account="sip:101")

    async def _sip(self, to: str, text: str) -> str:
        uri = "sip:" + to.replace("+", "%2B") + "@sms.test"
        ask = Ask(uri=uri, body=text)
        challenge = await self.phone.ask(ask)
        reply = await self.phone.ask(authorized(ask, challenge, "101", PHONE_PASSWORD))
        if reply.status == 202:
            return ACCEPTED
        [code] = [one for one in CODES.values() if (one.sip, one.reason) == (reply.status, reply.reason)]
        return code.name

    async def _ivr(self, to: str, text: str) -> str:
        order = CallOrder(self.account("ivr"), "+48601123456", f"1.{self.count}", "send", to, text)
        try:
            item = await self.calling.send(order)
        except Refusal as refusal:
            return refusal.code.name
        return ACCEPTED if item.refused is None else item.refused.code.name

    async def _panel(self, to: str, text: str) -> str:
        """As a browser does: open the page, fill in the form."""
        ann = await self.ann()
        heard = await ann.send(await ann.get("/panel/send"), "/panel/send", follow=False, to=to, text=text)
        if heard.status == 303:
            return ACCEPTED
        [code] = {code for sentence, code in _SENTENCES.items() if sentence in heard.page.text}
        assert heard.status == CODES[code].http
        return code

    async def _mail(self, to: str, text: str) -> str:
        code, said = await asyncio.to_thread(self._post, to, text)
        if code == 250:
            return ACCEPTED
        [found] = [name for name, one in _SMTP.items() if (one[0], f"{one[1]} {one[2]}") == (code, said)]
        return found

    def _post(self, to: str, text: str) -> tuple[int, str]:
        mail = EmailMessage()
        mail["From"], mail["To"] = MAILBOX, f"{to}@sms.test"
        mail["Message-ID"] = f"<{self.count}@acme.test>"
        mail.set_content(text)
        with smtplib.SMTP(*self.smtp, timeout=20) as client:
            client.login(MAILBOX, MAIL_SECRET)
            try:
                client.send_message(mail)
            except smtplib.SMTPRecipientsRefused as refusal:
                [(code, raw)] = refusal.recipients.values()
            except smtplib.SMTPDataError as refusal:
                code, raw = refusal.smtp_code, _octets(refusal.smtp_error)
            else:
                return 250, ""
        return code, raw.decode().splitlines()[-1]


def _octets(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


_SMTP = {
    name: (answer.code, answer.enhanced, answer.polish)
    for name, answer in ((name, refused(Refusal(name))) for name in CODES)
}
"""Of a reply, the last line is one per code: the first has what is wrong in particular."""


_ENGLISH = Catalogues.load().of("en")
_SENTENCES = {
    **{why_not(name, _ENGLISH): name for name in CODES},
    "A landline takes no SMS": "recipient_forbidden",
    "Premium numbers can't be texted": "recipient_forbidden",
    "parts and at most 10 are allowed": "text_too_long",
    "This sender name was rejected": "sender_not_allowed",
    "Write a text first": "text_empty",
}
"""What the panel's pages say, and the code it stands for."""


@asynccontextmanager
async def all_doors(url: str, clock: FakeClock) -> AsyncIterator[Doors]:
    """All of them open; nobody is bound, so that everything stays in the queue."""
    async with AsyncExitStack() as stack:
        office = await Office.open(url, clock)
        stack.push_async_callback(office.close)
        sip = await _sip_door(stack, office, clock)
        site = await stack.enter_async_context(site_over(office.rooms()))
        calling = Calling(office.context, office.submit, "PL")
        phone = await stack.enter_async_context(RawTcp(*sip))
        panel = await stack.enter_async_context(panel_over(office))
        yield Doors(office, phone, site, await _mail_door(stack, office), calling, panel)


async def _sip_door(stack: AsyncExitStack, office: Office, clock: FakeClock) -> tuple[str, int]:
    endpoint = Endpoint(key=bytes(32), new_id=secrets.token_hex)
    context = office.context
    engine = Engine(
        office.submit,
        DirectoryCredentials(office.holder.current),
        StoredRegistrations(context),
        StoredDispositions(context),
        context.metrics,
    )
    settings = SipSettings.model_validate({"udp": "", "tcp": "127.0.0.1:0", "keep_alive": 0})
    door = SipDoor(endpoint, settings, engine, nonce_key=bytes(32), now=clock.now, random=os.urandom)
    door.attach()
    [bound] = await endpoint.start(settings.listeners())
    await door.start()
    stack.push_async_callback(endpoint.close, 0)
    stack.push_async_callback(door.stop)
    return bound.host, bound.port


async def _mail_door(stack: AsyncExitStack, office: Office) -> tuple[str, int]:
    settings = MailSettings.model_validate({"listen": "127.0.0.1:0", "domain": "sms.test"})
    mailing = Mailing(office.context, office.submit, "PL", Secrets(Random(3).randbytes))
    door = MailDoor(settings, mailing, TrustingSenders(), tls=None, guesses=Guesses(time.monotonic))
    where = await door.start()
    assert where is not None
    stack.push_async_callback(door.stop, 1)
    host, _, port = where.rpartition(":")
    return host, int(port)
