"""Beside the stage: an Asterisk that calls come to and a Kamailio in front, where the machine has them."""

import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk, AsteriskFailedError
from voip_sms.demo.clients import until
from voip_sms.demo.kamailio import DOMAIN, Kamailio, KamailioFailedError
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.programs import find_program
from voip_sms.demo.report import Missing
from voip_sms.demo.stage import Stage
from voip_sms.doors.ivr.speech import SpokenBy

ROOT: Final = Path(__file__).parents[2]
DIALPLAN: Final = ROOT / "dialplan"
FLOW: Final = ROOT / "ivr_flows" / "adres.yaml"
DIAL: Final = "700"
"""What is dialled to get into the flow."""
CALLER: Final = "601123470"
"""A mobile from outside: its phone stands where a trunk would, and shows this number."""
CALLER_LIMIT: Final = 2
"""SMS a day that one caller may cause."""
DESK, DESK_NUMBER = "201", "+48601000006"
"""A phone of the Asterisk, and what its SMS show."""
FRONT, FRONT_NUMBER = "301", "+48601000007"
"""A phone behind the Kamailio."""
FRONT_HOST: Final = "127.0.0.2"
"""Kamailio's own address: it is believed, and phones that come to the service itself are not."""
KEY: Final = "demo-key-pbx-0123456789abcdef"
GET: Final = "tools/pbx.sh fetches it, without root"

EXTENSIONS: Final = """\
#include "{dialplan}/voip-sms.conf"
#include "{dialplan}/voip-sms-messages.conf"
#include "{dialplan}/voip-sms-flow.conf"
[phones]
exten => {dial},1,Gosub(voip-sms-flow,{flow},1)
 same => n,Playback(vm-goodbye)
 same => n,Hangup()
[messages]
include => voip-sms-messages
"""


class Switchboard:
    """`async with`: Asterisk runs within. Give `settings` and `extend` to a Stage, then `connect` it."""

    def __init__(self) -> None:
        self.asterisk: Asterisk | None = None
        self.kamailio: Kamailio | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-flows-"))
        self._failed: dict[str, str] = {}
        self._logs: Path | None = None

    async def __aenter__(self) -> Self:
        try:
            if Asterisk.available():
                await self._start_asterisk()
            if Kamailio.available():
                self.kamailio = Kamailio(host=FRONT_HOST)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.asterisk is not None:
            self._keep("asterisk.log", self.asterisk.log_text())
            await asyncio.to_thread(self.asterisk.stop)
        if self.kamailio is not None:
            self._keep("kamailio.log", self.kamailio.log_text())
            await self.kamailio.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what the stage is told before it opens ---

    @property
    def settings(self) -> Mapping[str, str]:
        """The service's settings, as environment."""
        chosen: dict[str, str] = {}
        if self.asterisk is not None:
            chosen |= {
                "VOIP_SMS_ASTERISK__URL": self.asterisk.ari_url,
                "VOIP_SMS_ASTERISK__USER": ARI_USER,
                "VOIP_SMS_ASTERISK__PASSWORD": ARI_PASSWORD,
                "VOIP_SMS_IVR__FLOWS": str(self.folder),
                "VOIP_SMS_IVR__SPEECH": _program("espeak-ng"),
                "VOIP_SMS_IVR__SOX": _program("sox"),
            }
        if self.kamailio is not None:
            chosen |= {
                "VOIP_SMS_SIP__OUTBOUND": self.kamailio.outbound,
                "VOIP_SMS_SIP__SUBSCRIBERS": str(self.kamailio.subscribers),
                "VOIP_SMS_SIP__TRUSTED_PEERS": json.dumps([FRONT_HOST]),
            }
        return chosen

    def extend(self, document: dict[str, Any]) -> None:
        """Give the customer a flow, a phone on either of them, and the Asterisk a key."""
        tenant = document["tenants"][0]
        tenant["keys"].append({"name": "pbx", "token": KEY, "scopes": ["accounts"]})
        tenant["ivr_flows"] = [
            {"name": FLOW.stem, "identity": {"kind": "name", "value": "ACME"}, "language": "pl"}
            | {"limits": {"caller": CALLER_LIMIT}}
        ]
        there = {"user": DESK, "via": "asterisk"}  # which knows its password
        front = {"user": FRONT, "via": "proxy", "password": f"pw{FRONT}"}
        for account, number in ((there, DESK_NUMBER), (front, FRONT_NUMBER)):
            tenant["sip_accounts"].append(account | {"identity": {"kind": "number", "value": number}})
            tenant["numbers"].append(
                {"number": number, "kind": "own_mobile", "carrier": "sim"}
                | {"forwards": [{"kind": "sip", "to": [account["user"]]}]}
            )

    async def connect(self, stage: Stage) -> None:
        """Tell both where the service is; what doesn't come up is told by the steps that need it."""
        self._logs = stage.folder
        await asyncio.gather(self._tell_asterisk(stage), self._start_kamailio(stage))

    # --- what the steps need ---

    def need_asterisk(self) -> Asterisk:
        """It, running; Missing where there is none."""
        self._came_up("asterisk")
        if self.asterisk is None:
            raise Missing(f"no Asterisk (22 or newer) on this machine: {GET}")
        return self.asterisk

    def need_calls(self) -> Asterisk:
        """It, and all that a spoken call needs."""
        asterisk = self.need_asterisk()
        for name in ("espeak-ng", "sox"):
            if find_program(name, apart="asterisk") is None:
                raise Missing(f"no {name} on this machine: {GET}, or apt-get install {name}")
        if not Phone.available():
            raise Missing(Phone.why_not())
        return asterisk

    def need_kamailio(self) -> Kamailio:
        """It, running; Missing where there is none."""
        self._came_up("kamailio")
        if self.kamailio is None:
            raise Missing(f"no Kamailio (5 or newer) on this machine: {GET}")
        return self.kamailio

    def front_phone(self) -> PhoneAccount:
        """What the phone behind the Kamailio must know."""
        front = self.need_kamailio()
        return PhoneAccount(FRONT, f"pw{FRONT}", DOMAIN, front.host, front.port)

    def doors(self) -> Iterator[str]:
        """For whoever looks on: how to call and text with a softphone of one's own."""
        if self.asterisk is not None:
            port = self.asterisk.sip_port
            yield f"calls      a softphone at 127.0.0.1:{port}, user {DESK}, password pw{DESK}: dial {DIAL}"
            yield f"           ({CALLER_LIMIT} SMS a day for one caller; {CALLER} has had them in the story)"
        if self.kamailio is not None:
            proxy = f"{self.kamailio.host}:{self.kamailio.port}"
            yield f"Kamailio   a softphone at {proxy}, domain {DOMAIN}, user {FRONT}, password pw{FRONT}"

    def speak(self, text: str) -> bytes:
        """A text as the flow speaks it: a RIFF wave. Blocks for a moment."""
        return SpokenBy(_program("espeak-ng"), _program("sox")).speak(text, "pl")

    # --- helpers ---

    async def _start_asterisk(self) -> None:
        shutil.copy(FLOW, self.folder)
        dialplan = EXTENSIONS.format(dialplan=DIALPLAN, dial=DIAL, flow=FLOW.stem)
        self.asterisk = Asterisk(dialplan, (CALLER, DESK))
        try:
            await asyncio.to_thread(self.asterisk.start)
        except AsteriskFailedError as error:
            self.asterisk, self._failed["asterisk"] = None, str(error)

    async def _tell_asterisk(self, stage: Stage) -> None:
        if self.asterisk is None:
            return
        name = "voip-sms-settings.conf"
        text = (DIALPLAN / name).read_text(encoding="utf-8")
        for key, value in (("url", f"http://{stage.http_address}"), ("key", KEY)):
            text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        await asyncio.to_thread(self.asterisk.write, name, text)

    async def _start_kamailio(self, stage: Stage) -> None:
        if self.kamailio is None:
            return
        try:
            await until(self._knows_the_phone, "the service never wrote down who may register at Kamailio")
            await self.kamailio.start(stage.serve.address("sip_tcp")[1])
        except (KamailioFailedError, TimeoutError) as error:
            self._failed["kamailio"] = str(error)

    async def _knows_the_phone(self) -> bool:
        assert self.kamailio is not None
        file = self.kamailio.subscribers
        return file.exists() and f"{FRONT}:" in file.read_text(encoding="utf-8")

    def _came_up(self, name: str) -> None:
        if reason := self._failed.get(name):
            raise AssertionError(reason)

    def _keep(self, name: str, text: str) -> None:
        """Beside the other logs, as long as their folder stays."""
        if self._logs is not None and self._logs.is_dir():
            (self._logs / name).write_text(text, encoding="utf-8")


def _program(name: str) -> str:
    """Where it is; its bare name where it isn't, which the service complains of."""
    return find_program(name, apart="asterisk") or name
