"""The whole service with SIP over TLS and several listeners: what it says when ready, and what when it can't."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.service import opened, phone_of
from support.sip_raw import Ask, ok_to
from support.sip_service import registration, signed
from support.tls import Authority, Certified, RawTls
from voip_sms.demo.process import Finished, run
from voip_sms.demo.stage import OWN, Stage

CONFIG = """\
[service]
data_dir = "var"
[http]
listen = "127.0.0.1:0"
[sip]
udp = "127.0.0.1:0"
tcp = "127.0.0.1:0"
tls = "127.0.0.1:0"
tls_cert = "{cert}"
tls_key = "{key}"
[mail]
listen = ""
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def stage(authority: Authority) -> AsyncIterator[Stage]:
    certified = authority.issue()
    several = '["127.0.0.1:0", "[::1]:0"]'
    async with opened(
        VOIP_SMS_SIP__UDP=several,
        VOIP_SMS_SIP__TLS="127.0.0.1:0",
        VOIP_SMS_SIP__TLS_CERT=str(certified.cert),
        VOIP_SMS_SIP__TLS_KEY=str(certified.key),
    ) as running:
        yield running


async def test_a_text_leaves_and_an_answer_arrives_over_tls(stage: Stage, authority: Authority) -> None:
    host, port = stage.serve.address("sip_tls")
    assert stage.serve.address("sip_udp")[0] == "127.0.0.1", "of several listeners the first is shown"
    assert "udp [::1]:" in stage.serve.log.read_text(), "the log names all"
    async with phone_of(stage, "101") as udp, RawTls(host, port, authority.client()) as phone:
        assert await udp.message("601123456", "over UDP") == 202
        assert (
            await signed(phone, registration(contact="<sip:101@10.0.0.1:5061;transport=tls>"))
        ).status == 200
        assert (await signed(phone, Ask(uri="sip:601123456@sms.test", body="Zażółć"))).status == 202
        await stage.simulator.post("/handsets/+48601123456/send", {"to": OWN, "text": "gęślą jaźń"})
        request = await phone.request()
        assert request.body.decode() == "gęślą jaźń"
        assert request.headers.get("via").startswith("SIP/2.0/TLS")
        phone.send(ok_to(request))


async def _ends(folder: Path, certified: Certified) -> Finished:
    config = folder / "voip-sms.toml"
    config.write_text(CONFIG.format(cert=certified.cert, key=certified.key))
    return await run("serve", "--config", str(config))


async def test_it_does_not_start_with_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    good = authority.issue("good")
    good.key.chmod(0o644)
    ended = await _ends(tmp_path, good)
    assert (ended.code, ended.out) == (2, "")
    assert f"sip.tls_key: {good.key}: everybody can read it; chmod 600 it" in ended.err
    ended = await _ends(tmp_path, Certified(tmp_path / "gone.pem", good.key, good.ca))
    assert (ended.code, ended.out) == (2, "")
    assert "sip.tls_cert: " in ended.err
    assert "Traceback" not in ended.err
