"""The mail door's pure parts: line ends, counts of callers, replies, slow answers to guesses, settings."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voip_sms.core.directory import MailSender
from voip_sms.core.failures import CODES, Nature, Refusal
from voip_sms.core.guessing import BURST, Guesses
from voip_sms.doors.mail import answers, callers
from voip_sms.doors.mail.answers import BARE_LF, ENDLESS_LINE, Answer, refused
from voip_sms.doors.mail.callers import Callers
from voip_sms.doors.mail.gate import LINE_LONGEST, Gate
from voip_sms.doors.mail.login import DELAY_MOST, Guard
from voip_sms.doors.mail.settings import MailSettings


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b".", b"\r\n.\r\n"]), max_size=12), st.data())
def test_a_bare_lf_is_found_however_the_octets_are_cut(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    gate = Gate()
    found = [
        gate.feed(whole[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)
        if end > start
    ]
    bare = whole.replace(b"\r\n", b"").count(b"\n") > 0
    assert (BARE_LF in found) is bare


def test_a_line_without_end_is_cut_off() -> None:
    gate = Gate()
    assert gate.feed(b"x" * LINE_LONGEST) is None
    assert gate.feed(b"\r\n") is None
    assert gate.feed(b"x" * LINE_LONGEST) is None
    assert gate.feed(b"x") is ENDLESS_LINE


def test_callers_are_counted_in_all_and_by_address() -> None:
    count = Callers(3, 2)
    assert [count.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert count.enter("10.0.0.2")
    assert not count.enter("10.0.0.3"), "the house is full"
    count.leave("10.0.0.1")
    assert count.enter("10.0.0.3")
    six = Callers(10, 1)
    assert six.enter("2001:db8::1")
    assert not six.enter("2001:db8::2"), "the same /64"


def test_who_holds_much_goes_when_memory_is_short() -> None:
    count = Callers(10, 10)
    assert count.hold(callers.HELD_MOST, callers.HELD_MOST)
    assert not count.hold(1, 2 * callers.HELD_SMALL)
    assert count.hold(1, 100), "a small mail still goes through"
    count.let_go(callers.HELD_MOST)
    assert count.hold(callers.HELD_SMALL, 2 * callers.HELD_SMALL)


@pytest.mark.parametrize("name", CODES)
def test_every_refusal_has_a_reply_of_its_nature_in_two_languages(name: str) -> None:
    answer = refused(Refusal(name, "Ż" * 2000 + "\r\n250 OK"))
    assert (answer.code < 500) is (CODES[name].nature is Nature.TEMPORARY)
    assert answer.enhanced[0] == str(answer.code)[0]
    lines = str(answer).split("\r\n")
    assert all(line.isascii() and line.isprintable() and len(line) < 510 for line in lines)
    assert all(line[:3] == str(answer.code) for line in lines)
    assert [line[3] for line in lines] == ["-"] * (len(lines) - 1) + [" "]
    if CODES[name].reason_pl:
        assert len(lines) == 2


def test_every_reply_can_be_read_by_old_clients() -> None:
    for name, answer in vars(answers).items():
        if isinstance(answer, Answer):
            assert answer.english.isascii(), name
            assert answer.polish.isascii(), name
            assert answer.enhanced[0] == str(answer.code)[0], name


async def test_wrong_passwords_are_slow_and_right_ones_never_where_their_user_is_at_home() -> None:
    slept: list[float] = []

    async def check(user: str, secret: str) -> MailSender | None:
        return None if secret == "wrong" else object()  # type: ignore[return-value]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    guard = Guard(check, Guesses(lambda: 0.0), sleep)
    assert await guard("10.0.0.1", "home", "right") is not None
    for _ in range(BURST):
        assert await guard("10.0.0.1", "a", "wrong") is None
    assert not any(slept)
    assert await guard("10.0.0.1", "a", "wrong") is None
    assert 0 < slept[-1] <= DELAY_MOST
    slept.clear()
    for _ in range(BURST):
        assert await guard("10.0.0.1", "Home", "right") is not None
    assert await guard("10.0.0.2", "a", "wrong") is None
    assert not any(slept)


async def test_a_fleet_that_logs_in_at_once_is_let_in() -> None:
    """After a restart nobody is at home yet."""

    async def check(user: str, secret: str) -> MailSender | None:
        await asyncio.sleep(0)
        return object()  # type: ignore[return-value]

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    guard = Guard(check, Guesses(lambda: 0.0), sleep)
    assert all(await asyncio.gather(*[guard("10.0.0.1", f"scanner{n}", "right") for n in range(40)]))


async def test_connections_side_by_side_are_no_way_around_the_wait() -> None:
    looked_at = 0

    async def check(user: str, secret: str) -> MailSender | None:
        nonlocal looked_at
        looked_at += 1
        return None

    async def sleep(seconds: float) -> None:
        assert seconds <= DELAY_MOST

    guard = Guard(check, Guesses(lambda: 0.0), sleep)
    tries = await asyncio.gather(*[guard("10.0.0.1", "a", "x") for _ in range(100)], return_exceptions=True)
    assert looked_at == BURST + 1
    assert {one.code.name for one in tries if isinstance(one, Refusal)} == {"rate_limited"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"listen": "2525"}, "host:port"),
        ({"tls_listen": "127.0.0.1:465"}, "tls_cert"),
        ({"tls_cert": "a.pem"}, "tls_key"),
        ({"dkim_key": "a.pem"}, "dkim_selector"),
        ({"domain": "żółw.test"}, "punycode"),
        ({"domain": "a b"}, "host name"),
        ({"size": 100}, "65536"),
        ({"relay": "http://x"}, "smtp://"),
    ],
)
def test_settings_that_cannot_be_used_are_told(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MailSettings.model_validate(wrong)
