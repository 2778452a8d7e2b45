"""Who guesses at one door is slow at the others: SIP, SMTP AUTH, API keys, and (test_people_sign_in) the panel."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from support.fakes import FakeClock
from support.sip_raw import Ask, RawUdp
from support.sip_service import Service, signed
from voip_sms.core.directory import Account, MailSender, SipAccount
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import BURST, SECONDS_PER_TRY, Guesses
from voip_sms.doors.api.access import MESSAGES, Access
from voip_sms.doors.mail.login import Guard

HERE = "127.0.0.1"


@dataclass
class Request:
    remote: str = HERE
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer no-such-key"})


class Nobody:
    def api_key(self, token: str) -> Account | None:
        return None

    def sip_account(self, user: str) -> SipAccount | None:
        return None


async def _nobody(user: str, secret: str) -> MailSender | None:
    return None


def code_of_a_wrong_key(guesses: Guesses) -> str:
    with pytest.raises(Refusal) as error:
        Access(Nobody(), guesses).account(Request(), MESSAGES)
    return error.value.code.name


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    started = await Service(clock).start()
    yield started
    await started.stop()


async def test_wrong_passwords_on_sip_are_wrong_everywhere(service: Service) -> None:
    async with RawUdp(*service.udp) as phone:
        for _ in range(BURST):
            assert code_of_a_wrong_key(Guesses(lambda: 0.0)) == "unauthorized"
            assert (await signed(phone, Ask(), password="guess")).status == 401
        assert code_of_a_wrong_key(service.guesses) == "rate_limited"
        assert service.guesses.wait(HERE, "ann@acme.test") == SECONDS_PER_TRY
        assert (await signed(phone, Ask())).status == 202, "a phone with the right one is as quick as ever"


async def test_wrong_passwords_by_mail_and_wrong_keys_count_together(clock: FakeClock) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    guesses = Guesses(lambda: 0.0)
    guard = Guard(_nobody, guesses, sleep)
    for _ in range(BURST // 2):
        assert await guard(HERE, "ann@acme.test", "wrong") is None
        assert code_of_a_wrong_key(guesses) == "unauthorized"
    assert not any(slept)
    assert await guard(HERE, "ann@acme.test", "wrong") is None
    assert slept[-1] == SECONDS_PER_TRY
    assert code_of_a_wrong_key(guesses) == "rate_limited"
