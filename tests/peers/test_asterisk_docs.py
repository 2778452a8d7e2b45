"""docs/operate/asterisk.md as it is written: its files on a real Asterisk, laid out as FreePBX lays them out."""

import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from support.asterisk import DIALPLAN, phone_on, running_asterisk, seconds_of_sound
from support.sms_api import Plan, SmsApi
from voip_sms.app.settings import Settings
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk
from voip_sms.demo.ports import kept_port

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "asterisk.md").read_text(encoding="utf-8")
PORT = kept_port()
# As FreePBX has it: the operator's own files are included, and phones may dial what stands in one context.
EXTENSIONS = """\
[globals]
#include "extensions_custom.conf"
[phones]
include => from-internal-custom
"""


def files() -> dict[str, str]:
    """What the page says to write, by the file's name below /etc/asterisk."""
    found: dict[str, str] = {}
    for name, text in re.findall(
        r"^`/etc/asterisk/([\w.-]+)`[^\n]*(?:\n[^\n`]+)?\n```ini\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL
    ):
        found[name] = found.get(name, "") + text
    return found


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    said = files()
    assert set(said) == {
        "voip-sms-settings.conf",
        "extensions_custom.conf",
        "pjsip.endpoint_custom_post.conf",
        "http.conf",
        "ari.conf",
    }
    said.pop("http.conf")
    said["voip-sms-settings.conf"] = said["voip-sms-settings.conf"].replace("8080", str(PORT))
    # The phones of this support are reached by an ARI user of its own beside the page's.
    said["ari.conf"] += f"[{ARI_USER}-test]\ntype = user\npassword = {ARI_PASSWORD}\n"
    shipped = {
        path.name: path.read_text(encoding="utf-8")
        for path in DIALPLAN.glob("*.conf")
        if path.name != "voip-sms-settings.conf"
    }
    with running_asterisk(EXTENSIONS, ("101",), shipped | said) as asterisk:
        endpoints = asterisk.folder / "etc" / "pjsip.conf"
        asterisk.write("pjsip.conf", endpoints.read_text() + '#include "pjsip.endpoint_custom_post.conf"\n')
        asterisk.cli("module reload res_pjsip.so")
        yield asterisk


async def test_a_phone_s_text_is_sent(asterisk: Asterisk) -> None:
    async with SmsApi(PORT) as api, phone_on(asterisk, "101") as phone:
        assert (await phone.send("+48601123456", "it works")).status == 202
        (asked,) = await api.asked.count(1, 6)
        assert asked.body == {"to": "+48601123456", "text": "it works", "account": "sip:101"}
        assert asked.headers["authorization"] == ["Bearer put-the-key-here"]
        api.plan = Plan("credit_exhausted", 402)
        await phone.send("+48601123456", "and this not")
        assert "no credit" in (await phone.next_message(6)).body


async def test_dialling_the_first_example_sends(asterisk: Asterisk, tmp_path: Path) -> None:
    async with SmsApi(PORT) as api, phone_on(asterisk, "101") as phone:
        call = await phone.call("*767", tmp_path / "heard.wav")
        await call.up()
        (asked,) = await api.asked.count(1, 6)
        text = 'Hello from the PBX, "in quotes" and with commas.'
        assert asked.body == {"to": "+48601123456", "text": text}
        await call.over()
        assert seconds_of_sound(call.recording) > 0.3


async def test_a_flow_without_the_service_goes_on_in_the_dialplan(asterisk: Asterisk, tmp_path: Path) -> None:
    written = (asterisk.folder / "etc" / "extensions_custom.conf").read_text()
    (steps,) = re.findall(r"```ini\n( same => n,Gosub\(voip-sms-flow.*?)```", PAGE, re.DOTALL)
    steps += " same => n,Hangup()\n same => n(nobody),Busy(1)\n"
    asterisk.write("extensions_custom.conf", f"{written}exten => *768,1,NoOp()\n{steps}")
    async with phone_on(asterisk, "101") as phone:
        call = await phone.call("*768", tmp_path / "heard.wav")
        assert (await call.over()).status == 486


async def test_the_ari_user_gets_in(asterisk: Asterisk) -> None:
    login = {"Authorization": aiohttp.encode_basic_auth("voip-sms", "choose-one")}
    async with (
        aiohttp.ClientSession(headers=login) as session,
        session.get(f"{asterisk.ari_url}/ari/asterisk/info") as answer,
    ):
        assert answer.status == 200


def test_the_page_s_settings_are_settings_of_the_service() -> None:
    (section,) = re.findall(r"```toml\n\[asterisk\]\n(.*?)```", PAGE, re.DOTALL)
    given = dict(re.findall(r'^(\w+) = "(.*)"$', section, re.MULTILINE))
    asterisk = Settings.model_validate({"asterisk": given}).asterisk
    assert (asterisk.url, asterisk.user) == ("http://127.0.0.1:8088", "voip-sms")


def test_the_page_s_accounts_are_yaml() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tenant,) = yaml.safe_load(text)["tenants"]
    assert tenant["sip_accounts"][0]["via"] == "asterisk"
    assert "accounts" in tenant["keys"][0]["scopes"]
