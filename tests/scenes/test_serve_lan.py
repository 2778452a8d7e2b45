"""`serve --lan` as an operator meets it, and a phone that knows nothing but the address."""

import asyncio
import json
import re
import socket
import sys

import pytest

from support.service import opened as service_opened
from support.sip_client import SipClient
from voip_sms.app.lan import LanError, Teller, lan_address, opened
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Account, Directory, ForwardRule, Identity, SipAccount
from voip_sms.demo.clients import until
from voip_sms.demo.phone import PhoneAccount
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import Service, run
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.stage import OWN
from voip_sms.engine.accounts.sealing import sip_hashes

# Any address of 127/8 is this machine's and no other's: a local network to try with.
LAN = "127.0.0.2"
CONFIG = """\
[http]
listen = "127.0.0.1:0"
[sip]
udp = "127.0.0.1:{port}"
tcp = "127.0.0.1:{port}"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "voip-sms.toml"
    path.write_text(CONFIG.format(port=quiet_port()))
    return path


async def customer(folder, config, password):
    """One account, with a number that rings on it."""
    path = folder / "customer.yaml"
    path.write_text(
        "version: 1\n"
        "carriers: [{name: sim, kind: smpp, host: 127.0.0.1, port: 1, system_id: sim, password: sim}]\n"
        'routes: [{prefix: "+48", carrier: sim}]\n'
        "tenants:\n- name: acme\n  sip_accounts:\n"
        f"  - {{user: '101', password: '{password}', identity: {{kind: number, value: '+48601000001'}}}}\n"
        "  numbers:\n  - {number: '+48601000001', kind: own_mobile, carrier: sim, forwards: [{kind: sip, to: ['101']}]}\n"
    )
    done = await run("apply", str(path), "--config", str(config))
    assert done.code == 0, done.err


async def saying(service, words):
    """What it has said on stderr, once these words are among it: they follow the ready line."""

    async def said():
        return words in service.log_text()

    await until(said, f"it never said {words!r}")
    return service.log_text()


async def test_only_sip_moves_and_stdout_has_one_line(tmp_path, config):
    await customer(tmp_path, config, "correct horse battery")
    async with Service("serve", "--lan", LAN, "--config", str(config), log=tmp_path / "log") as service:
        (line,) = service.lines
        ready = json.loads(line.removeprefix("ready "))
        assert ready["sip_udp"].startswith(f"{LAN}:")
        assert ready["sip_tcp"].startswith(f"{LAN}:")
        assert ready["http"].startswith("127.0.0.1:")
        told = await saying(service, "Phone by phone")
    port = ready["sip_udp"].rpartition(":")[2]
    assert re.search(rf"server, domain +{LAN} ", told)
    assert f"{port} UDP, or {port} TCP" in told
    assert re.search(r"user, auth name +101 +shows \+48601000001", told)
    assert "realm, if asked   sms.test" in told
    assert "send an SMS to +48601000001; it comes out at 101" in told
    assert "correct horse battery" not in told
    assert "GUESSES" not in told


async def test_an_account_that_comes_later_is_told_and_its_password_judged(tmp_path, config):
    async with Service("serve", f"--lan={LAN}", "--config", str(config), log=tmp_path / "log") as service:
        await saying(service, "user              none yet")
        await customer(tmp_path, config, "pw101")
        await saying(service, "!! ANYBODY GUESSES the password of 101")
        assert "user, auth name   101" in service.log_text()
        assert len(service.lines) == 1


async def test_a_phone_that_knows_only_the_address_sends(tmp_path, config):
    """As a desk phone with the address as SIP server: From, To and Request-URI have it for their host."""
    await customer(tmp_path, config, "correct horse battery")
    async with Service("serve", "--lan", LAN, "--config", str(config), log=tmp_path / "log") as service:
        port = service.address("sip_udp")[1]
        for user, wanted in (("101", 202), ("102", 401)):
            phone = Phone(user, "correct horse battery", LAN)
            await phone.open_at(LAN, port)
            try:
                assert await phone.message("601123456", "Hello") == wanted
            finally:
                await phone.close()


async def test_a_phone_is_written_to_from_where_its_reply_finds_us():
    """The domain may be in no DNS: what a phone gets must be from the host that it calls us by."""
    async with service_opened() as stage:
        for domain in ("127.0.0.1", "127.0.0.1:5060", "[::1]", "sms.test", "SMS.test"):
            async with SoftPhone(phone_account(stage, domain)) as phone:
                assert (await phone.register()).status == 200
                await stage.handsets.send("+48601123456", OWN, f"to {domain} only")
                message = await phone.message_with(f"to {domain} only")
                host = domain.lower()
                assert message.sender.startswith(f"<sip:+48601123456@{host}>")
                assert message.to.startswith(f"<sip:101@{host}>")
                back = message.sender.partition("<")[2].partition(">")[0]
                assert (await phone.send(back, f"from {domain}")).status == 202
        async with SoftPhone(phone_account(stage, "other.test")) as phone:
            assert (await phone.register()).status == 403


def phone_account(stage, domain):
    return PhoneAccount("101", "pw101", domain, "127.0.0.1", stage.sip_port)


class Phone(SipClient):
    """The few-line phone, at an address other than the one that it was written for."""

    async def open_at(self, host, port):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port))


async def test_what_is_no_address_ends_with_two(config):
    done = await run("serve", "--lan", "my-pc", "--config", str(config))
    assert done.code == 2
    assert done.err.startswith("--lan my-pc: not an IP address")
    done = await run("serve", "--lan-http", "--config", str(config))
    assert done.code == 2
    assert "--lan-http goes with --lan" in done.err


# --- choosing ------------------------------------------------------------------------------------------------


def test_by_itself_it_takes_the_address_of_the_default_route():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.77", 9))
        except OSError:
            pytest.skip("this machine has no default route")
        own = probe.getsockname()[0]
    assert lan_address("") == own


def test_a_public_address_is_not_taken_by_itself(monkeypatch):
    class Probe:
        def connect(self, where):
            pass

        def getsockname(self):
            return ("8.8.4.4", 1234)

        def close(self):
            pass

    monkeypatch.setattr("voip_sms.app.lan.socket.socket", lambda *_: Probe())
    with pytest.raises(LanError, match=r"8\.8\.4\.4 is a public address.*--lan 8\.8\.4\.4"):
        lan_address("")
    assert lan_address("8.8.4.4") == "8.8.4.4"


def settings(**sip):
    return Settings(sip=sip, http={"listen": "127.0.0.1:8080"})


def test_listeners_that_somebody_placed_stay():
    moved = opened(settings(udp="0.0.0.0:5060", tcp="localhost:5070"), "192.168.1.10", http=False)
    assert (moved.sip.udp, moved.sip.tcp) == ("0.0.0.0:5060", "192.168.1.10:5070")
    assert moved.http.listen == "127.0.0.1:8080"
    both = opened(settings(udp="[::1]:5060", tcp=""), "fd00::10", http=True)
    assert (both.sip.udp, both.sip.tcp, both.http.listen) == ("[fd00::10]:5060", "", "[fd00::10]:8080")
    several = opened(settings(udp=["127.0.0.1:5060", "[::1]:5060", "10.0.0.1:5062"]), "10.0.0.2", http=False)
    assert several.sip.udp == ("10.0.0.2:5060", "10.0.0.1:5062")


# --- telling -------------------------------------------------------------------------------------------------


def account(user, password, *, enabled=True):
    return SipAccount(
        Account(user.encode(), b"t", "sip", user, Identity("2way"), enabled=enabled),
        sip_hashes(user, "sms.test", password),
    )


def teller(capsys, directory, **addresses):
    Teller("192.168.1.10", "sms.test", sys.stderr)(addresses, directory)
    return capsys.readouterr()


def test_a_port_that_is_not_the_usual_one_needs_a_proxy(capsys):
    out, err = teller(capsys, Directory(), sip_udp="0.0.0.0:5080", sip_tls="0.0.0.0:5061")
    assert out == ""
    assert "5080 UDP, or 5061 TLS" in err
    assert "outbound proxy    192.168.1.10 with that port" in err
    assert "let 5080/udp, 5061/tcp in" in err


def test_without_a_listener_there_is_nothing_to_type(capsys):
    assert "no SIP listener is switched on" in teller(capsys, Directory()).err


def test_many_accounts_and_what_a_terminal_would_obey(capsys):
    users = [f"{number:03}" for number in range(30)]
    directory = Directory(
        sip={user: account(user, "long-and-random-77") for user in [*users, "\x1b[2J"]}
        | {"off": account("off", "off", enabled=False)},
        forwards={"+48601000001": (ForwardRule(b"f", b"t", "+48601000001", "sip", ("000", "001")),)},
    )
    err = teller(capsys, directory, sip_udp="192.168.1.10:5060").err
    assert "and 11 more" in err
    assert "\x1b" not in err
    assert " off " not in err
    assert "it comes out at 000, 001" in err
