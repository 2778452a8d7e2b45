"""The SIP door over real sockets with a recording engine: who may register and send, and what each reply is."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.sip_raw import Ask, RawTcp, RawUdp, authorized
from support.sip_service import Service, registration, signed
from voip_sms.core.clock import SECOND
from voip_sms.core.failures import CODES
from voip_sms.doors.sip import bans
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.wire.sip.content import ACCEPT


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


@pytest.fixture
async def phone(service: Service) -> AsyncIterator[RawUdp]:
    async with RawUdp(*service.udp) as peer:
        yield peer


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


# --- who may send ---------------------------------------------------------------------------------------------


async def test_both_algorithms_are_offered_md5_first_and_each_works(service: Service, phone: RawUdp) -> None:
    challenge = await phone.ask(Ask())
    offered = challenge.headers.all("www-authenticate")
    assert [("MD5" in value, "SHA-256" in value) for value in offered] == [(True, False), (False, True)]
    for which in (0, 1):
        assert (await phone.ask(authorized(Ask(), challenge, "101", "pw101", which=which))).status == 202
    assert len(service.engine.submissions) == 2


async def test_a_phone_that_gives_up_on_a_second_algorithm_is_asked_for_md5_alone(phone: RawUdp) -> None:
    challenge = await phone.ask(Ask(headers=("User-Agent: baresip v1.0.0 (x86_64/linux)",)))
    assert [("MD5" in one) for one in challenge.headers.all("www-authenticate")] == [True]
    newer = await phone.ask(Ask(headers=("User-Agent: baresip v3.1.0 (x86_64/linux)",)))
    assert len(newer.headers.all("www-authenticate")) == 2


async def test_the_text_is_submitted_as_typed(service: Service, phone: RawUdp) -> None:
    ask = Ask(uri="sip:%2B48601123456@sms.test;user=phone", to="<sip:999@elsewhere>", body="Zażółć")
    reply = await signed(phone, ask)
    assert (reply.status, reply.reason) == (202, "Accepted")
    [submission] = service.engine.submissions
    assert (submission.text, submission.door, submission.account.name) == ("Zażółć", "sip", "101")
    assert submission.recipients == ("sip:%2B48601123456@sms.test;user=phone",), "the R-URI, not To"


async def test_unknown_user_and_wrong_password_look_the_same(service: Service, phone: RawUdp) -> None:
    wrong = await signed(phone, Ask(), password="guess")
    unknown = await signed(phone, Ask(sender="<sip:999@sms.test>;tag=f1"), "999", "pw101")
    assert wrong.status == unknown.status == 401
    assert [n for n, _ in wrong.headers] == [n for n, _ in unknown.headers]
    assert "stale" not in wrong.headers.get("www-authenticate") + unknown.headers.get("www-authenticate")
    assert service.engine.submissions == []


@pytest.mark.parametrize(
    "sender",
    [
        "<sip:102@sms.test>;tag=f1",
        "<sip:101@evil.test>;tag=f1",
        "<tel:101>;tag=f1",
        "<sip:10%31x@sms.test>;tag=f1",
    ],
)
async def test_an_authenticated_user_must_own_from(service: Service, phone: RawUdp, sender: str) -> None:
    reply = await signed(phone, Ask(sender=sender))
    assert (reply.status, reply.reason) == (403, "Sender not allowed")
    assert service.engine.submissions == []


async def test_an_old_nonce_is_stale_and_a_new_one_works(service: Service, phone: RawUdp) -> None:
    challenge = await phone.ask(Ask())
    service.clock.advance(3600)
    stale = await phone.ask(authorized(Ask(), challenge, "101", "pw101"))
    assert stale.status == 401
    assert "stale=true" in stale.headers.get("www-authenticate")
    assert (await phone.ask(authorized(Ask(), stale, "101", "pw101"))).status == 202


async def test_captured_credentials_are_worth_nothing_for_another_text(
    service: Service, phone: RawUdp
) -> None:
    challenge = await phone.ask(Ask())
    mine = authorized(Ask(body="mine"), challenge, "101", "pw101")
    assert (await phone.ask(mine)).status == 202
    forged = replace(mine, body="forged", number=mine.number + 50_000)
    assert (await phone.ask(forged)).status == 401
    assert [s.text for s in service.engine.submissions] == ["mine"]


async def test_a_nonce_serves_several_requests_with_rising_counts(service: Service, phone: RawUdp) -> None:
    challenge = await phone.ask(registration())
    assert (await phone.ask(authorized(registration(), challenge, "101", "pw101", count=1))).status == 200
    assert (await phone.ask(authorized(Ask(), challenge, "101", "pw101", count=2))).status == 202


async def test_password_guessing_ends_in_silence_but_a_registered_source_is_only_slowed(
    service: Service, phone: RawUdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bans, "PER_USER", 3)
    guess = Ask(sender="<sip:102@sms.test>;tag=f1")
    challenge = await phone.ask(guess)
    for _ in range(3):
        assert (
            await phone.ask(authorized(Ask(sender=guess.sender), challenge, "102", "guess"))
        ).status == 401
    phone.send(authorized(Ask(sender=guess.sender), challenge, "102", "pw102"))
    assert await phone.quiet()
    assert (await signed(phone, registration())).status == 200, "another user of that source is served"
    slowed = await phone.ask(authorized(Ask(sender=guess.sender), challenge, "102", "guess"))
    assert (slowed.status, slowed.headers.get("retry-after")) == (503, str(bans.RETRY_AFTER))
    service.clock.advance(bans.BAN / SECOND + 1)
    assert (await phone.ask(authorized(Ask(sender=guess.sender), challenge, "102", "pw102"))).status == 202


async def test_a_trusted_peer_names_the_sender_and_nobody_else_does(
    clock: FakeClock, phone: RawUdp, service: Service
) -> None:
    named = ("X-Auth-User: 101", "P-Asserted-Identity: <sip:101@sms.test>")
    assert (await phone.ask(Ask(headers=named))).status == 401
    trusting = await Service(clock, trusted_peers=["127.0.0.0/8"]).start()
    async with RawUdp(*trusting.udp) as peer:
        for header in named:
            assert (await peer.ask(Ask(headers=(header,)))).status == 202
        assert (await peer.ask(Ask())).status == 403
        assert (await peer.ask(Ask(headers=("X-Auth-User: 999",)))).status == 403
        assert (await peer.ask(Ask(headers=("X-Auth-User: 102",)))).status == 403, "From is still 101"
    await trusting.stop()


# --- what a text becomes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "Zażółć".encode(), "Zażółć"),
        ("text/plain;charset=UTF-8", "Zażółć".encode(), "Zażółć"),
        ("Text/Plain ; charset = iso-8859-2", "Zażółć".encode("iso8859-2"), "Zażółć"),
        ('text/plain;charset="ISO_8859-2"', "Zażółć".encode("iso8859-2"), "Zażółć"),
        ("text/plain;charset=utf-8", b"a\xff", "a\ufffd"),
        ("text/plain", b"\xbf\xf3\xb3\xe6", "żółć"),
    ],
)
async def test_bodies(service: Service, phone: RawUdp, content_type: str, body: bytes, text: str) -> None:
    assert (await signed(phone, Ask(body=body, headers=(f"Content-Type: {content_type}",)))).status == 202
    assert service.engine.submissions[0].text == text


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (("Content-Type: application/pdf",), (415, "accept", ", ".join(ACCEPT))),
        (("Content-Type: text/plain;charset=ebcdic",), (415, "accept", ", ".join(ACCEPT))),
        (
            ("Content-Type: text/plain", "Content-Encoding: br"),
            (415, "accept-encoding", "gzip, deflate, identity"),
        ),
        (("Content-Type: text/plain", "Content-Encoding: gzip"), (400, "accept-encoding", "")),
        (("Content-Type: nonsense",), (400, "accept", "")),
    ],
)
async def test_bodies_that_are_refused(
    service: Service, phone: RawUdp, headers: tuple[str, ...], answer: tuple[int, str, str]
) -> None:
    status, name, value = answer
    reply = await signed(phone, Ask(headers=headers))
    assert (reply.status, reply.headers.get(name)) == (status, value)
    assert service.engine.submissions == []


async def test_an_empty_body_is_taken_and_nothing_is_sent(service: Service, phone: RawUdp) -> None:
    assert (await signed(phone, Ask(body=""))).status == 200
    assert service.engine.submissions == []


SIP_CODES = [code for code in CODES.values() if code.sip is not None]


@pytest.mark.parametrize("code", SIP_CODES, ids=lambda code: code.name)
async def test_every_refusal_of_a_recipient_has_its_status_and_reason(
    service: Service, phone: RawUdp, code: object
) -> None:
    service.engine.refuse_items = code.name  # type: ignore[attr-defined]
    reply = await signed(phone, Ask())
    assert (reply.status, reply.reason) == (code.sip, code.reason)  # type: ignore[attr-defined]
    assert bool(reply.headers.get("retry-after")) == (reply.status == 503)
    polish = await signed(phone, Ask(sender="<sip:102@sms.test>;tag=f1"), "102")
    assert (polish.status, polish.reason) == (code.sip, code.reason_pl)  # type: ignore[attr-defined]


async def test_store_outage_is_503_and_over_when_it_is_over(service: Service, phone: RawUdp) -> None:
    service.engine.refuse_all = service.engine.refuse_registrations = "store_unavailable"
    for ask in (Ask(), registration()):
        reply = await signed(phone, ask)
        assert (reply.status, reply.headers.get("retry-after")) == (503, "5")
    service.engine.refuse_all = service.engine.refuse_registrations = ""
    assert (await signed(phone, Ask())).status == 202
    assert (await signed(phone, registration())).status == 200


# --- one SMS per transaction ----------------------------------------------------------------------------------


async def test_copies_while_storing_make_one_submission_and_no_early_reply(
    service: Service, phone: RawUdp
) -> None:
    ask = Ask()
    proof = authorized(ask, await phone.ask(ask), "101", "pw101")
    service.engine.gate.clear()
    for _ in range(3):
        phone.send(proof)
    assert await phone.quiet()
    service.engine.gate.set()
    first = await phone.octets()
    phone.send(proof)
    assert await phone.octets() == first
    assert len(service.engine.submissions) == 1


async def test_a_copy_after_a_restart_is_accepted_and_is_the_same_message(
    service: Service, phone: RawUdp
) -> None:
    ask = Ask()
    proof = authorized(ask, await phone.ask(ask), "101", "pw101")
    assert (await phone.ask(proof)).status == 202
    await service.stop()
    await service.start()
    async with RawUdp(*service.udp) as again:
        assert (await again.ask(proof)).status == 202
    assert len(service.engine.submissions) == 2
    assert len(service.engine.stored) == 1


async def test_requests_that_differ_are_different_messages(service: Service, phone: RawUdp) -> None:
    base = Ask(call_id="same")
    for other in (
        base,
        replace(base, cseq=20),
        replace(base, body="other"),
        replace(base, uri="sip:601123457@sms.test"),
        replace(base, sender="<sip:101@sms.test>;tag=f2"),
        replace(base, call_id="other"),
    ):
        assert (await signed(phone, replace(other, number=next(NUMBERS)))).status == 202
    keys = [s.idempotency.key for s in service.engine.submissions if s.idempotency]
    assert len(set(keys)) == 6


NUMBERS = itertools.count(1_000_000)


# --- registrations --------------------------------------------------------------------------------------------


async def test_register_keeps_where_the_phone_really_is(service: Service, phone: RawUdp) -> None:
    reply = await signed(phone, registration("101", '"x" <sip:101@192.168.7.7:5060;ob>;q=0.5;expires=120'))
    assert (reply.status, reply.headers.get("contact")) == (200, "<sip:101@192.168.7.7:5060;ob>;expires=120")
    [binding] = service.engine.bound.values()
    assert binding.contact == "sip:101@192.168.7.7:5060;ob"
    assert binding.source == f"127.0.0.1:{phone.address[1]}"
    assert (binding.transport, binding.q, binding.cseq) == ("udp", 0.5, 2)
    assert binding.expires_at == service.clock.now() + 120 * SECOND


@pytest.mark.parametrize(
    ("contact", "headers", "expires"),
    [
        ("<sip:101@h>", (), 300),
        ("<sip:101@h>", ("Expires: 3600",), 300),
        ("<sip:101@h>", ("Expires: 60",), 60),
        ("<sip:101@h>;expires=90", ("Expires: 60",), 90),
        ("<sip:101@h>", ("Expires: soon",), 300),
    ],
)
async def test_expiry(
    service: Service, phone: RawUdp, contact: str, headers: tuple[str, ...], expires: int
) -> None:
    reply = await signed(phone, registration("101", contact, *headers))
    assert reply.headers.get("contact") == f"<sip:101@h>;expires={expires}"


async def test_too_brief_names_the_minimum(service: Service, phone: RawUdp) -> None:
    reply = await signed(phone, registration("101", "<sip:101@h>;expires=3"))
    assert (reply.status, reply.headers.get("min-expires")) == (423, "10")


async def test_query_refresh_and_removal(service: Service, phone: RawUdp) -> None:
    await signed(phone, registration("101", "<sip:a@h>, <sip:b@h>"))
    query = await signed(phone, registration("101", ""))
    assert query.headers.all("contact") == ["<sip:a@h>;expires=300", "<sip:b@h>;expires=300"]
    left = await signed(phone, registration("101", "<sip:a@h>;expires=0"))
    assert left.headers.all("contact") == ["<sip:b@h>;expires=300"]
    gone = await signed(phone, registration("101", "*", "Expires: 0"))
    assert (gone.status, gone.headers.all("contact")) == (200, [])
    assert service.engine.bound == {}


@pytest.mark.parametrize(
    ("contact", "headers"),
    [
        ("*", ("Expires: 10",)),
        ("*", ()),
        ("*, <sip:101@h>", ("Expires: 0",)),
        ("sip:101@h?Route=%3Csip:x%3E", ()),
        ("<sip:101@h", ()),
        ("<tel:101>", ()),
        (", ".join(f"<sip:{n}@h>" for n in range(11)), ()),
    ],
)
async def test_bad_contacts_are_400(
    service: Service, phone: RawUdp, contact: str, headers: tuple[str, ...]
) -> None:
    await signed(phone, registration("101", "<sip:kept@h>"))
    assert (await signed(phone, registration("101", contact, *headers))).status == 400
    assert [b.contact for b in service.engine.bound.values()] == ["sip:kept@h"]


async def test_nobody_registers_for_another(service: Service, phone: RawUdp) -> None:
    assert (await signed(phone, registration("102"))).status == 403
    assert service.engine.bound == {}


async def test_a_lost_connection_takes_its_binding_along(service: Service) -> None:
    async with RawTcp(*service.tcp) as phone:
        assert (await signed(phone, registration())).status == 200
        [binding] = service.engine.bound.values()
        assert binding.transport == "tcp"
    async with RawTcp(*service.tcp) as other:
        await other.ask(Ask())
    await until(lambda: service.engine.died)
    assert service.engine.died == [binding.flow]


async def test_the_nat_of_a_registered_phone_is_held_open(clock: FakeClock) -> None:
    service = await Service(clock, keep_alive=1).start()
    async with RawUdp(*service.udp) as phone:
        await signed(phone, registration())
        assert await phone.octets() == b"\r\n\r\n"
        clock.advance(301)
        assert await phone.quiet(1.2), "expired: let go"
    await service.stop()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"udp": "5060"}, "host:port"),
        ({"udp": "h:99999"}, "host:port"),
        ({"domain": "a b"}, "host name"),
        ({"domain": "h:5060"}, "without a port"),
        ({"tls": "0.0.0.0:5061"}, "tls_cert and tls_key"),
        ({"x": 1}, "Extra inputs"),
        ({"digest": ["SHA1"]}, "SHA-256"),
        ({"digest": []}, "at least 1"),
        ({"trusted_peers": ["x"]}, "IPv4"),
    ],
)
def test_settings_say_what_is_wrong(bad: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SipSettings.model_validate(bad)


def test_empty_addresses_switch_listeners_off() -> None:
    assert SipSettings.model_validate({"udp": "", "tcp": ""}).listeners() == []
