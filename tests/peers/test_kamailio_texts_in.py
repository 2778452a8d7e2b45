"""Texts from phones through a real Kamailio: the service's answer is the phone's answer, and nobody else's word counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from support.fakes import FakeClock
from support.kamailio import Front, at_home, fronted, phone_behind
from support.sip_engine import sip_account
from support.sip_raw import Ask, RawTcp, RawUdp, authorized
from support.sip_service import signed
from support.sipp import SIGNED, SippRun, run_sipp
from support.waiting import eventually
from voip_sms.core.failures import CODES
from voip_sms.demo.kamailio import DOMAIN
from voip_sms.demo.phone import Phone
from voip_sms.demo.softphone import SoftPhone

pytestmark = pytest.mark.peer("kamailio")

LONG = "Zażółć gęślą jaźń 🙂 " * 50
"""A thousand characters, 1,500 octets."""
REFUSALS = [code for code in CODES.values() if code.sip is not None]
OTHER = "127.0.0.9"
"""Where no phone lives."""
FEW = 8.0
"""Seconds within which a phone must hear that the service is away."""


@pytest.fixture
async def front(clock: FakeClock) -> AsyncIterator[Front]:
    async with fronted(clock) as running:
        yield running


Peer = RawUdp | RawTcp


def raw(front: Front, transport: str) -> Peer:
    return front.udp() if transport == "udp" else front.tcp()


# --- what is taken and what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("make", [pytest.param(Phone, marks=pytest.mark.peer("pjsua2")), SoftPhone])
async def test_a_phone_sends(
    clock: FakeClock, tmp_path: Path, transport: str, make: Callable[..., Phone | SoftPhone]
) -> None:
    async with phone_behind(clock, tmp_path, make, transport) as (front, phone):
        assert await phone.send("601123456", LONG) == (202, "Accepted")
    [submission] = front.service.engine.submissions
    assert (submission.text, submission.account.name) == (LONG, "101")
    assert submission.recipients == (f"sip:601123456@{DOMAIN}",)


@pytest.mark.peer("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_sends_many(front: Front, transport: str, tmp_path: Path) -> None:
    run = SippRun(SIGNED, f"127.0.0.1:{front.kamailio.port}", calls=100, rate=100, transport=transport)
    result = await run_sipp(run, tmp_path)
    assert (result.exit_code, result.successful, result.failed) == (0, 100, 0), result.errors
    assert len(front.service.engine.stored) == 100


async def test_every_refusal_reaches_the_phone_as_it_is(front: Front) -> None:
    engine = front.service.engine
    async with front.udp() as phone:
        for code in REFUSALS:
            engine.refuse_items = code.name
            answer = await signed(phone, Ask())
            assert (answer.status, answer.reason) == (code.sip, code.reason)
        engine.refuse_items, engine.refuse_all = "", "store_unavailable"
        outage = await signed(phone, Ask())
        assert (outage.status, outage.headers.get("retry-after")) == (503, "5")
        wrong = await signed(phone, Ask(headers=("Content-Type: application/pdf",)))
        assert (wrong.status, "text/plain" in wrong.headers.get("accept")) == (415, True)


@pytest.mark.parametrize(
    "uri", ["tel:+48601123456", "sips:601123456@sms.test", "sip:%2B48601123456@sms.test;user=phone"]
)
async def test_the_number_arrives_as_it_was_dialled(front: Front, uri: str) -> None:
    async with front.udp() as phone:
        assert (await signed(phone, Ask(uri=uri, to="<sip:x@sms.test>"))).status == 202
    assert front.service.engine.submissions[0].recipients == (uri,)


# --- the service is away --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_without_the_service_a_phone_hears_503_at_once_and_it_works_when_it_is_back(
    front: Front, transport: str
) -> None:
    where = front.service.tcp
    async with raw(front, transport) as phone:
        challenge = await phone.ask(Ask())
        await front.service.stop()
        began = time.monotonic()
        answer = await phone.ask(authorized(Ask(), challenge, "101", "pw101"))
        assert (answer.status, answer.headers.get("retry-after")) == (503, "5")
        assert time.monotonic() - began < FEW
        front.service.settings = front.service.settings.model_copy(update={"tcp": "{}:{}".format(*where)})
        await front.service.start()
        assert (await signed(phone, Ask())).status == 202
    assert len(front.service.engine.stored) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_service_that_hangs_is_503_within_seconds_over(front: Front, transport: str) -> None:
    where = front.service.tcp
    await front.service.stop()
    async with mute(where), raw(front, transport) as phone:
        challenge = await phone.ask(Ask())
        began = time.monotonic()
        phone.send(authorized(Ask(), challenge, "101", "pw101"))
        async with asyncio.timeout(FEW):
            answer = await patiently(phone)
        assert (answer, time.monotonic() - began > 3.4) == (503, True), (
            "not before the service gave up itself"
        )


@asynccontextmanager
async def mute(where: tuple[str, int]) -> AsyncIterator[None]:
    """Takes connections there, and reads nothing."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), *where)
    async with server:
        yield
        for writer in taken:
            writer.close()


async def patiently(phone: Peer) -> int:
    """The final status, for which one wait of the raw peer is too short."""
    while True:
        try:
            return (await phone.reply()).status
        except TimeoutError:
            continue


async def test_another_node_takes_over_and_there_is_one_message(clock: FakeClock) -> None:
    async with fronted(clock, nodes=2) as front, front.udp() as phone:
        await front.service.stop()
        for number in range(4):  # in turn: half of them meet the dead one
            assert (await signed(phone, Ask(body=f"text {number}"))).status == 202
    assert sorted(s.text for s in front.service.engine.submissions) == [f"text {n}" for n in range(4)]


# --- once -----------------------------------------------------------------------------------------------------


async def test_repeated_requests_make_one_message(front: Front) -> None:
    engine = front.service.engine
    async with front.udp() as phone:
        asked = authorized(Ask(), await phone.ask(Ask()), "101", "pw101")
        engine.gate.clear()
        for _ in range(3):
            phone.send(asked)
        await eventually(lambda: bool(engine.submissions))
        assert await phone.quiet(), "nobody says yes before it is stored"
        engine.gate.set()
        first = await phone.reply()
        phone.send(asked)
        assert (first.status, (await phone.reply()).status) == (202, 202)
    assert len(engine.submissions) == 1


async def test_a_request_repeated_to_a_restarted_kamailio_is_still_the_same_message(front: Front) -> None:
    async with front.udp() as phone:
        asked = authorized(Ask(), await phone.ask(Ask()), "101", "pw101")
        assert (await phone.ask(asked)).status == 202
        await front.kamailio.kill()
        await front.kamailio.start_again()
        assert (await phone.ask(asked)).status == 202, "no new challenge: it would be another request"
    assert len(front.service.engine.stored) == 1


# --- who says so ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        ("X-Auth-User: 102",),
        ("x-auth-user:102",),
        ("X-Auth-User : 102",),
        ("X-Auth-User:\r\n 102",),
        ("X-Auth-User: 102", "X-AUTH-USER: 102"),
        ("P-Asserted-Identity: <sip:102@sms.test>",),
        ("P-Asserted-Identity: <sip:102@sms.test>, <tel:+48601000002>",),
        ("P-Preferred-Identity: <sip:102@sms.test>", "Remote-Party-ID: <sip:102@sms.test>"),
    ],
)
async def test_identities_from_outside_never_survive(front: Front, forged: tuple[str, ...]) -> None:
    async with front.udp() as phone:
        assert (await phone.ask(Ask(headers=forged))).status == 401, "they prove nothing"
        challenge = await phone.ask(Ask(headers=forged))
        assert (await phone.ask(authorized(Ask(headers=forged), challenge, "101", "pw101"))).status == 202
        other = Ask(headers=forged, sender="<sip:102@sms.test>;tag=f1")
        assert (await phone.ask(authorized(other, challenge, "101", "pw101"))).status == 403
        assert (
            await signed(phone, Ask(method="REGISTER", uri="sip:sms.test", body="", to="<sip:102@sms.test>"))
        ).status == 403
    assert [s.account.name for s in front.service.engine.submissions] == ["101"]
    assert front.service.engine.announcements == []


async def test_unknown_user_and_wrong_password_look_the_same(front: Front) -> None:
    async with front.udp() as phone:
        wrong = await signed(phone, Ask(), "101", "guess")
        unknown = await signed(phone, Ask(sender="<sip:999@sms.test>;tag=f1"), "999")
        assert wrong.status == unknown.status == 401
        assert [n for n, _ in wrong.headers] == [n for n, _ in unknown.headers]
    assert front.service.engine.submissions == []


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER"])
async def test_a_proof_that_somebody_read_on_the_way_is_of_no_use_elsewhere(
    front: Front, method: str
) -> None:
    asked = Ask(body="mine")
    if method == "REGISTER":
        contact = "Contact: <sip:101@127.0.0.1:5099>"
        asked = Ask(method, "sip:sms.test", "", to="<sip:101@sms.test>", headers=(contact,))
    async with front.udp() as phone, front.udp(OTHER) as thief:
        proven = authorized(asked, await phone.ask(asked), "101", "pw101")
        assert (await phone.ask(proven)).status in (200, 202)
        stolen = replace(proven, body="not mine", call_id="another", via=OTHER, cseq=77)
        assert (await thief.ask(stolen)).status == 401
    assert "not mine" not in [s.text for s in front.service.engine.submissions]


async def test_who_may_register_changes_without_a_restart(front: Front) -> None:
    accounts = front.service.engine.accounts
    async with front.udp() as phone:
        assert (await signed(phone, Ask(sender="<sip:105@sms.test>;tag=f1"), "105")).status == 401
        accounts["105"] = replace(sip_account("105", "pw105"), via="proxy")
        front.know()
        assert (await signed(phone, Ask(sender="<sip:105@sms.test>;tag=f1"), "105")).status == 202
        accounts["105"] = replace(sip_account("105", "changed"), via="proxy")
        front.know()
        assert (await signed(phone, Ask(sender="<sip:105@sms.test>;tag=f1"), "105")).status == 401
        del accounts["105"]
        front.know()
        assert (await signed(phone, Ask(sender="<sip:105@sms.test>;tag=f1"), "105", "changed")).status == 401


async def test_only_the_service_may_use_its_way_in(front: Front) -> None:
    await front.service.stop()  # it is known by its address; here everybody has that one, but for this test
    (front.kamailio.folder / "nodes.list").write_text("1 sip:127.0.0.2:5070;transport=tcp\n")
    await front.kamailio.end()
    await front.kamailio.start_again()
    async with front.udp() as phone, RawTcp("127.0.0.1", front.kamailio.inner) as stranger:
        await at_home(phone)
        stranger.send(Ask(uri="sip:101@sms.test", sender="<sip:+48601123456@sms.test>;tag=x"))
        assert await phone.quiet(1.0)


# --- who only makes work --------------------------------------------------------------------------------------


async def test_a_flood_ends_at_kamailio_and_phones_do_not_feel_it(clock: FakeClock) -> None:
    async with fronted(clock, defines={"FLOOD_BAN": 2}) as front:
        engine = front.service.engine
        async with front.udp() as phone, front.udp(OTHER) as junk:
            assert (await signed(phone, Ask())).status == 202
            before = front.service.endpoint.stats["requests"]
            for number in range(1500):
                junk.send(Ask(body=f"junk {number}", via=OTHER))
                if number % 50 == 0:
                    await asyncio.sleep(0.01)
            began = time.monotonic()
            assert (await signed(phone, Ask(body="mine"))).status == 202
            assert time.monotonic() - began < FEW
            assert front.service.endpoint.stats["requests"] == before + 1
            assert junk.drain() < 1000, "not even answered"
            await heard_again(junk)
        assert [s.text for s in engine.submissions] == ["hello", "mine"]


async def heard_again(junk: RawUdp) -> None:
    """After a while of peace the address is served as any other."""
    for _ in range(40):
        junk.drain()
        junk.send(Ask(via=OTHER))
        if not await junk.quiet(0.2):
            return
    raise AssertionError("never heard again")


async def test_guessing_passwords_ends_in_silence_and_a_phones_address_is_only_slowed(
    clock: FakeClock,
) -> None:
    async with (
        fronted(clock, defines={"GUESSES": 3}) as front,
        front.udp() as phone,
        front.udp(OTHER) as thief,
    ):
        assert (await signed(phone, Ask())).status == 202
        for peer in (thief, phone):
            for _ in range(3):
                challenge = await peer.ask(Ask(sender="<sip:102@sms.test>;tag=f1"))
                guess = authorized(Ask(sender="<sip:102@sms.test>;tag=f1"), challenge, "102", "guess")
                assert (await peer.ask(guess)).status == 401
        thief.send(authorized(Ask(sender="<sip:102@sms.test>;tag=f1"), challenge, "102", "pw102"))
        assert await thief.quiet()
        slowed = await phone.ask(authorized(Ask(sender="<sip:102@sms.test>;tag=f1"), challenge, "102", "x"))
        assert (slowed.status, slowed.headers.get("retry-after")) == (503, "30")
        assert (await signed(phone, Ask())).status == 202, "the phone that lives there goes on"


@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "PUBLISH"])
async def test_what_is_not_for_texts_is_refused_here(front: Front, method: str) -> None:
    async with front.udp() as phone:
        answer = await phone.ask(Ask(method=method))
        assert (answer.status, answer.headers.get("allow")) == (405, "MESSAGE, OPTIONS, REGISTER")
        assert (await phone.ask(Ask(method="OPTIONS", body=""))).status == 200
    assert front.service.endpoint.stats["requests"] == 0
