"""docs/examples/phones: files that parse, say the same, and make real phones work (baresip, Linphone)."""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support import peers
from support.baresip import Baresip
from support.service import opened
from voip_sms.demo.linphone import Linphone
from voip_sms.demo.phone import PhoneAccount
from voip_sms.demo.stage import OWN

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "examples" / "phones"
PAGES = ROOT / "docs" / "operate" / "phones"
DOMAIN, SERVER, USER, PASSWORD = "sms.example.com", "192.168.1.10", "101", "paste-the-real-one"
LINPHONE = "{http://www.linphone.org/xsds/lpconfig.xsd}"


def yealink() -> dict[str, str]:
    """Keys and values; a line is `key = value`, a comment begins with #."""
    first, *lines = (FOLDER / "yealink-t5x.cfg").read_text().splitlines()
    assert first == "#!version:1.0.0.1"
    found: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"((?:[a-z_0-9]+\.)+[a-z_0-9]+) = (\S+)", line)
            assert match, line
            assert match[1] not in found, line
            found[match[1]] = match[2]
    return found


def grandstream() -> dict[str, str]:
    root = ET.parse(FOLDER / "grandstream-gxp-grp.xml").getroot()
    assert root.tag == "gs_provision"
    found = {one.tag: one.text or "" for one in root.iterfind("config/*")}
    assert all(re.fullmatch(r"P\d+", name) for name in found)
    return found


def linphone() -> dict[str, dict[str, str]]:
    root = ET.parse(FOLDER / "linphone.xml").getroot()
    assert root.tag == f"{LINPHONE}config"
    return {
        section.attrib["name"]: {one.attrib["name"]: one.text or "" for one in section}
        for section in root.iterfind(f"{LINPHONE}section")
    }


def acrobits() -> dict[str, str]:
    return {one.tag: one.text or "" for one in ET.parse(FOLDER / "acrobits-account.xml").getroot()}


def baresip() -> str:
    (line,) = [one for one in (FOLDER / "baresip" / "accounts").read_text().splitlines() if one[0] != "#"]
    return line


def test_every_file_says_the_same() -> None:
    line, second = baresip(), yealink()
    wanted = (DOMAIN, SERVER, USER, PASSWORD)
    found = re.fullmatch(
        r"<sip:(?P<user>\w+)@(?P<domain>[\w.]+);transport=\w+>;auth_user=(?P=user);auth_pass=(?P<password>[\w-]+);"
        r'regint=300;outbound="sip:(?P<server>[\d.]+):5060;transport=\w+"',
        line,
    )
    assert found
    assert found.group("domain", "server", "user", "password") == wanted
    keys = ("sip_server.1.address", "outbound_proxy.1.address", "user_name", "password")
    assert tuple(second[f"account.2.{key}"] for key in keys) == wanted
    assert tuple(grandstream()[key] for key in ("P402", "P403", "P404", "P406")) == wanted
    assert tuple(acrobits()[key] for key in ("host", "proxy", "username", "password")) == (
        DOMAIN, f"{SERVER}:5060", USER, PASSWORD
    )  # fmt: skip
    sections = linphone()
    assert sections["proxy_0"]["reg_identity"] == f"<sip:{USER}@{DOMAIN}>"
    assert f"sip:{SERVER}:5060" in sections["proxy_0"]["reg_route"]
    assert sections["auth_info_0"]["passwd"] == PASSWORD


def test_a_phone_that_must_be_told_to_show_texts_is_told() -> None:
    assert {yealink()[f"features.text_message{one}.enable"] for one in ("", "_popup")} == {"1"}
    assert all(key.startswith(("account.2.", "features.")) for key in yealink()), "account 1 is the PBX's"


def test_every_file_has_its_page_and_every_page_its_link() -> None:
    index = (ROOT / "docs" / "operate" / "phones.md").read_text()
    pages = {path.name: path.read_text() for path in PAGES.glob("*.md")}
    for name in pages:
        assert f"](phones/{name})" in index, name
    for path in (one for one in FOLDER.rglob("*") if one.is_file()):
        name = str(path.relative_to(FOLDER))
        assert any(f"](../../examples/phones/{name})" in page for page in pages.values()), name
        for word in re.findall(r"docs/operate/phones/(\w+\.md)", path.read_text()):
            assert word in pages


# --- with the real thing -------------------------------------------------------------------------------------


def here(text: str, account: PhoneAccount) -> str:
    """A file of the examples for the service that runs here."""
    changes: Mapping[str, str] = {
        f"{SERVER}:5060": f"{account.host}:{account.port}",
        DOMAIN: account.domain,
        PASSWORD: account.password,
    }
    for old, new in changes.items():
        assert old in text or old == PASSWORD, old
        text = text.replace(old, new)
    return text


class ExampleBaresip(Baresip):
    """Its account and its contacts are the examples'."""

    def _write_home(self, control: int) -> None:
        super()._write_home(control)
        for name in ("accounts", "contacts"):
            text = (FOLDER / "baresip" / name).read_text()
            if name == "contacts":
                text = text.replace(DOMAIN, self.account.domain)
            (self._folder / name).write_text(text if name == "contacts" else here(text, self.account))


class ExampleLinphone(Linphone):
    """It knows nothing but where to fetch its provisioning."""

    def _write_home(self) -> None:
        super()._write_home()
        provisioning = self._folder / "linphone.xml"
        provisioning.write_text(here((FOLDER / "linphone.xml").read_text(), self.account))
        (self._folder / "linphonerc").write_text(
            "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nbind_address=127.0.0.1\n"
            "register_only_when_network_is_up=0\ndefault_proxy=0\n"
            f"[misc]\nconfig-uri=file://{provisioning}\n[net]\ndns_srv_enabled=0\nenable_nat_helper=0\n"
        )


@pytest.mark.peer("baresip")
async def test_baresip_with_the_examples_files(tmp_path: Path) -> None:
    peers.need("baresip")
    async with opened() as stage:
        account = PhoneAccount("101", "pw101", "sms.test", "127.0.0.1", stage.sip_port, "tcp")
        async with ExampleBaresip(account, tmp_path, ("601123456",)) as phone:
            assert (await phone.register()).status == 200
            assert (await phone.send("601123456", "from the desk")).status == 202
            await stage.handsets.received("+48601123456", "from the desk")
            await stage.handsets.send("+48601123456", OWN, "to the desk")
            message = await phone.message_with("to the desk")
            assert "sip:+48601123456@sms.test" in message.sender


class BareBaresip(Baresip):
    """It was given an address and nothing else: no domain, no outbound proxy."""

    def _write_home(self, control: int) -> None:
        super()._write_home(control)
        account = self.account
        where = f"{account.host}:{account.port}"
        line = f"<sip:{account.user}@{where};transport=tcp>;auth_pass={account.password};regint=300\n"
        (self._folder / "accounts").write_text(line)


@pytest.mark.peer("baresip")
async def test_baresip_that_knows_only_the_address(tmp_path: Path) -> None:
    peers.need("baresip")
    async with opened() as stage:
        where = f"127.0.0.1:{stage.sip_port}"
        account = PhoneAccount("101", "pw101", where, "127.0.0.1", stage.sip_port, "tcp")
        async with BareBaresip(account, tmp_path, ("601123456",)) as phone:
            assert (await phone.register()).status == 200
            assert (await phone.send("601123456", "without a domain")).status == 202
            await stage.handsets.received("+48601123456", "without a domain")
            await stage.handsets.send("+48601123456", OWN, "an answer")
            assert f"sip:+48601123456@{where}" in (await phone.message_with("an answer")).sender


@pytest.mark.peer("linphone")
async def test_linphone_with_the_examples_provisioning(tmp_path: Path) -> None:
    peers.need("linphone")
    async with opened() as stage:
        account = PhoneAccount("101", "pw101", "sms.test", "127.0.0.1", stage.sip_port, "tcp")
        async with ExampleLinphone(account, tmp_path) as phone:
            assert (await phone.register()).status == 200, phone.log_text()[-3000:]
            assert (await phone.send("601123456", "from the desk")).status == 202
            await stage.handsets.received("+48601123456", "from the desk")
            await stage.handsets.send("+48601123456", OWN, "to the desk")
            await phone.message_with("to the desk")
