"""Signing in: the same answer for everybody who may not, slowly for who guesses, a code where there is one."""

import asyncio
from base64 import b32decode
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import FakeClock, FakeIds, fixed_random
from support.office import BY
from support.people import ANN, AWAY, BEN, CAT, HOME, OTTO, PANEL, PASSWORD, ROOT, Desk
from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import BURST, NAME_BURST
from voip_sms.core.passwords import PasswordUnfitError
from voip_sms.core.people import CODE_TRIES
from voip_sms.engine.people.links import Links
from voip_sms.engine.people.own import SwitchedOn
from voip_sms.engine.people.rows import SignedIn, Visit
from voip_sms.engine.people.sign_in import AT_ONCE, CODES_BURST, CodeNeeded, SignIn
from voip_sms.store.database import open_database
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer
from voip_sms.wire import totp


@pytest.fixture
async def desk(database_url: str, clock: FakeClock) -> AsyncIterator[Desk]:
    made = await Desk.open(database_url, clock)
    yield made
    await made.close()


async def refused(coroutine: object, code: str = "unauthorized") -> Refusal:
    with pytest.raises(Refusal) as error:
        await coroutine  # type: ignore[misc]
    assert error.value.code.name == code
    return error.value


# --- passwords ----------------------------------------------------------------------------------------------


async def test_the_right_password_opens_a_session(desk: Desk) -> None:
    signed = await desk.sign_in.by_password(f" {ANN.title()} ", PASSWORD, HOME)
    assert isinstance(signed, SignedIn)
    there = await desk.sessions.find(signed.token, HOME)
    assert there is not None
    assert (there.user.mail, there.user.role, there.user.language) == (ANN, "admin", "pl")
    assert (there.session.agent, there.session.address) == ("Firefox", HOME.address)
    assert len(signed.token) == 43


async def test_the_database_has_only_hashes(desk: Desk) -> None:
    signed = await desk.signed_in()
    link = await desk.links.make(ANN, "sign_in", BY)

    def everything(connection: object) -> str:
        tables = ("user_account", "panel_session", "one_time_link")
        rows = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables]  # type: ignore[attr-defined]
        return repr(rows)

    written = await desk.office.reader.run(everything)
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in written
    for secret in (signed.token, PASSWORD, link.rpartition("/")[2]):
        assert secret not in written


@pytest.mark.parametrize("mail", [ANN, BEN, "nobody@acme.test", "", "x" * 5000])
async def test_who_is_nobody_hears_what_a_wrong_password_hears(desk: Desk, mail: str) -> None:
    error = await refused(desk.sign_in.by_password(mail, "wrong password", HOME))
    assert str(error) == "unauthorized: the mail address or the password is wrong"


async def test_whoever_is_switched_off_is_nobody(desk: Desk) -> None:
    for switched in (
        {"tenants": [{"name": "acme", "users": [{"mail": CAT, "enabled": False}]}]},
        {"tenants": [{"name": "other", "enabled": False}]},
    ):
        assert not await desk.office.apply({"version": 1, **switched})
    for mail in (CAT, OTTO):
        await refused(desk.sign_in.by_password(mail, PASSWORD, HOME))


async def test_a_password_is_the_same_on_every_keyboard(desk: Desk) -> None:
    signed = await desk.signed_in()
    await desk.own.change_password(
        signed.user, PASSWORD, "za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105", HOME
    )
    assert await desk.sign_in.by_password(ANN, "zaz\u0307o\u0301\u0142c\u0301 g\u0119s\u0301la\u0328", HOME)


async def test_too_long_is_wrong(desk: Desk) -> None:
    await refused(desk.sign_in.by_password(ANN, PASSWORD + "x" * 100_000, HOME))


async def test_guessing_is_slow_from_everywhere_and_the_owner_is_at_home(desk: Desk) -> None:
    await desk.signed_in(visit=HOME)
    for number in range(NAME_BURST):
        await refused(desk.sign_in.by_password(ANN, "wrong", Visit(f"203.0.113.{number}")))
    assert not any(desk.slept)
    await desk.signed_in(visit=AWAY)
    assert 0 < desk.slept[-1] <= 6
    await desk.signed_in(visit=HOME)
    assert desk.slept[-1] == 0


async def test_who_guesses_at_another_door_is_slow_here(desk: Desk) -> None:
    for _ in range(BURST):
        desk.guesses.wrong(AWAY.address)
    await desk.signed_in(visit=AWAY)
    assert desk.slept[-1] > 0
    await desk.signed_in(visit=HOME)
    assert desk.slept[-1] == 0


async def test_who_waits_side_by_side_waits_for_each_other(desk: Desk) -> None:
    for _ in range(BURST):
        desk.guesses.wrong(AWAY.address)
    tries = [desk.sign_in.by_password(ANN, "wrong", AWAY) for _ in range(AT_ONCE)]
    codes = [error.code.name for error in await asyncio.gather(*tries, return_exceptions=True)]  # type: ignore[union-attr]
    assert codes.count("unauthorized") == 4
    assert codes.count("rate_limited") == AT_ONCE - 4
    assert desk.slept == [6, 12, 18, 24]
    await desk.signed_in(visit=HOME)
    assert desk.slept[-1] == 0


async def test_an_open_browser_is_no_place_to_guess_side_by_side(desk: Desk) -> None:
    signed = await desk.signed_in()
    tries = [desk.own.switch_off(signed.user, "wrong", HOME) for _ in range(BURST * 2)]
    codes = [error.code.name for error in await asyncio.gather(*tries, return_exceptions=True)]  # type: ignore[union-attr]
    assert (codes.count("unauthorized"), codes.count("rate_limited")) == (BURST, BURST)


async def test_nobody_waits_in_parallel(desk: Desk) -> None:
    tries = [desk.sign_in.by_password(ANN, "wrong", AWAY) for _ in range(AT_ONCE + 3)]
    codes = [error.code.name for error in await asyncio.gather(*tries, return_exceptions=True)]  # type: ignore[union-attr]
    assert codes.count("rate_limited") == 3
    await desk.signed_in(visit=HOME)


# --- the second factor --------------------------------------------------------------------------------------


async def with_factor(desk: Desk) -> tuple[bytes, SwitchedOn]:
    signed = await desk.signed_in()
    offer = await desk.own.offer_second_factor(signed.user)
    assert await desk.own.offered(signed.user) == offer
    assert offer.url.startswith("otpauth://totp/SMS:ann%40acme.test?secret=")
    secret = b32decode(offer.secret)
    shown = totp.code(secret, totp.step_at(desk.clock.now() // SECOND))
    return secret, await desk.own.switch_on(signed.user, PASSWORD, shown, HOME)


def code(desk: Desk, secret: bytes, steps: int = 0) -> str:
    return totp.code(secret, totp.step_at(desk.clock.now() // SECOND) + steps)


async def ticket(desk: Desk, visit: Visit = HOME) -> str:
    found = await desk.sign_in.by_password(ANN, PASSWORD, visit)
    assert isinstance(found, CodeNeeded)
    return found.ticket


async def test_the_code_is_asked_for_and_counts_once(desk: Desk) -> None:
    secret, _ = await with_factor(desk)
    desk.clock.advance(60)
    first, second = await ticket(desk), await ticket(desk)
    assert not await desk.is_in(first)
    signed = await desk.sign_in.by_code(first, code(desk, secret), HOME)
    assert signed.user.second_factor
    assert await desk.is_in(signed.token)
    await refused(desk.sign_in.by_code(second, code(desk, secret), HOME))
    assert await desk.sign_in.by_code(second, code(desk, secret, 1), HOME)


async def test_of_two_with_the_same_code_one_is_in(desk: Desk) -> None:
    secret, _ = await with_factor(desk)
    desk.clock.advance(60)
    tickets = [await ticket(desk), await ticket(desk)]
    shown = code(desk, secret)
    tries = [desk.sign_in.by_code(one, shown, HOME) for one in tickets]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, SignedIn) for one in came].count(True) == 1


async def test_the_code_that_switched_it_on_is_used_up(desk: Desk) -> None:
    secret, _ = await with_factor(desk)
    await refused(desk.sign_in.by_code(await ticket(desk), code(desk, secret), HOME))


async def test_each_recovery_code_is_a_way_in_once(desk: Desk) -> None:
    _, switched = await with_factor(desk)
    assert len(set(switched.codes)) == 10
    typed = switched.codes[3].upper().replace("-", " ")
    assert await desk.sign_in.by_code(await ticket(desk), typed, HOME)
    await refused(desk.sign_in.by_code(await ticket(desk), switched.codes[3], HOME))
    assert await desk.sign_in.by_code(await ticket(desk), switched.codes[4], HOME)


async def test_a_ticket_has_few_tries_and_five_minutes(desk: Desk) -> None:
    secret, _ = await with_factor(desk)
    desk.clock.advance(60)
    one = await ticket(desk)
    again = [
        (await refused(desk.sign_in.by_code(one, "000000", HOME))).data["again"] for _ in range(CODE_TRIES)
    ]
    assert again == [True] * (CODE_TRIES - 1) + [False]
    assert (await refused(desk.sign_in.by_code(one, code(desk, secret), HOME))).data["again"] is False
    late = await ticket(desk)
    desk.clock.advance(5 * MINUTE / SECOND)
    await refused(desk.sign_in.by_code(late, code(desk, secret), HOME))


async def test_codes_are_few_also_with_many_tickets(desk: Desk) -> None:
    await with_factor(desk)
    for _ in range(CODES_BURST):
        await refused(desk.sign_in.by_code(await ticket(desk), "000000", HOME))
    error = await refused(desk.sign_in.by_code(await ticket(desk), "000000", HOME), "rate_limited")
    assert error.data["retry_after"] == 60


async def test_what_is_no_ticket(desk: Desk) -> None:
    await refused(desk.sign_in.by_code("nonsense", "000000", HOME))
    link = await desk.links.make(ANN, "sign_in", BY)
    await refused(desk.sign_in.by_code(link.rpartition("/")[2], "000000", HOME))


async def test_it_is_on_only_when_a_code_proved_it_and_off_with_the_password(desk: Desk) -> None:
    signed = await desk.signed_in()
    await desk.own.offer_second_factor(signed.user)
    await refused(desk.own.switch_on(signed.user, PASSWORD, "000000", HOME), "invalid")
    assert not (await desk.signed_in()).user.second_factor
    _, switched = await with_factor(desk)
    await refused(desk.own.offer_second_factor(switched.signed.user), "conflict")
    await refused(desk.own.switch_off(switched.signed.user, "wrong", HOME))
    off = await desk.own.switch_off(switched.signed.user, PASSWORD, HOME)
    assert not off.user.second_factor
    assert await desk.is_in(off.token)
    assert not await desk.is_in(switched.signed.token)
    await desk.signed_in()


# --- sessions -----------------------------------------------------------------------------------------------


async def test_a_session_ends_after_half_a_day_of_silence(desk: Desk) -> None:
    signed = await desk.signed_in()
    for _ in range(3):
        desk.clock.advance(11 * HOUR / SECOND)
        assert await desk.is_in(signed.token)
    desk.clock.advance(12 * HOUR / SECOND)
    assert not await desk.is_in(signed.token)


async def test_and_after_thirty_days_in_any_case(desk: Desk) -> None:
    signed = await desk.signed_in()
    for _ in range(71):
        desk.clock.advance(10 * HOUR / SECOND)
        assert await desk.is_in(signed.token)
    desk.clock.advance((30 * DAY - 710 * HOUR) / SECOND)
    assert not await desk.is_in(signed.token)


async def test_a_renewed_session_has_another_id_and_the_old_one_is_nothing(desk: Desk) -> None:
    signed = await desk.signed_in()
    renewed = await desk.sessions.renew(signed.token, HOME)
    assert renewed.token != signed.token
    assert await desk.is_in(renewed.token)
    assert not await desk.is_in(signed.token)
    await refused(desk.sessions.renew(signed.token, HOME))


async def test_somebody_sees_and_ends_their_own_and_nobody_elses(desk: Desk) -> None:
    home, away = await desk.signed_in(), await desk.signed_in(visit=AWAY)
    other = await desk.signed_in(CAT)
    desk.clock.advance(600)
    assert await desk.sessions.find(away.token, Visit("198.51.100.9", "curl"))
    seen = await desk.sessions.list(home.user)
    assert [(one.agent, one.address) for one in seen] == [("curl", "198.51.100.9"), ("Firefox", HOME.address)]
    await refused(desk.sessions.end(other.user, away.session.id), "not_found")
    await desk.sessions.end(home.user, away.session.id)
    assert not await desk.is_in(away.token, AWAY)
    again = await desk.signed_in(visit=AWAY)
    assert await desk.sessions.end_others(home.user, home.token) == 1
    assert not await desk.is_in(again.token, AWAY)
    assert await desk.is_in(home.token)
    assert await desk.is_in(other.token)
    await desk.sessions.sign_out(home.token)
    await desk.sessions.sign_out(home.token)
    assert not await desk.is_in(home.token)


async def test_what_a_browser_calls_itself_is_one_short_line(desk: Desk) -> None:
    signed = await desk.sign_in.by_password(
        ANN, PASSWORD, Visit("192.0.2.1", "a\r\nSet-Cookie: b" + "x" * 9_000)
    )
    assert isinstance(signed, SignedIn)
    assert signed.session.agent.startswith("a  Set-Cookie: b")
    assert len(signed.session.agent) <= 200


async def test_another_password_ends_all_other_sessions_and_links(desk: Desk) -> None:
    signed, other = await desk.signed_in(), await desk.signed_in(visit=AWAY)
    link = await desk.links.make(ANN, "sign_in", BY)
    await refused(desk.own.change_password(signed.user, "wrong", "another horse battery", HOME))
    with pytest.raises(PasswordUnfitError):
        await desk.own.change_password(signed.user, PASSWORD, "ann@acme.test", HOME)
    changed = await desk.own.change_password(signed.user, PASSWORD, "another horse battery", HOME)
    assert await desk.is_in(changed.token)
    assert not await desk.is_in(signed.token)
    assert not await desk.is_in(other.token, AWAY)
    await refused(desk.links.sign_in(link.rpartition("/")[2], HOME), "not_found")
    await refused(desk.sign_in.by_password(ANN, PASSWORD, HOME))
    assert await desk.sign_in.by_password(ANN, "another horse battery", HOME)


async def test_of_two_changes_of_a_password_at_once_one_counts(desk: Desk) -> None:
    signed = await desk.signed_in()
    tries = [
        desk.own.change_password(signed.user, PASSWORD, f"another horse battery {n}", HOME) for n in (1, 2)
    ]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, SignedIn) for one in came].count(True) == 1


async def test_who_found_a_browser_open_guesses_no_faster(desk: Desk) -> None:
    signed = await desk.signed_in()
    for _ in range(BURST):
        await refused(desk.own.switch_off(signed.user, "wrong", HOME))
    error = await refused(desk.own.switch_off(signed.user, PASSWORD, HOME), "rate_limited")
    assert error.data["retry_after"] == 6
    assert await desk.is_in(signed.token)


async def test_language_and_wishes(desk: Desk) -> None:
    signed = await desk.signed_in()
    wishes = {"balance_low": ("sms", "mail"), "name_approved": ()}
    changed = await desk.own.change(signed.user, language="en", name=" Anna ", wishes=wishes)  # type: ignore[arg-type]
    assert (changed.name, changed.language, changed.wishes) == (
        "Anna",
        "en",
        {"balance_low": ("mail", "sms")},
    )
    await refused(desk.own.change(signed.user, wishes={"weather": ("mail",)}), "invalid")  # type: ignore[dict-item]
    await refused(desk.own.change(signed.user, name="\n"), "invalid")
    found = await desk.sessions.find(signed.token, HOME)
    assert found is not None
    assert found.user == changed


# --- links --------------------------------------------------------------------------------------------------


async def test_a_sign_in_link_opens_once_also_for_two_at_the_same_moment(desk: Desk) -> None:
    link = await desk.links.make(ROOT, "sign_in", BY)
    assert link.startswith("https://sms.test/panel/link/")
    token = link.rpartition("/")[2]
    assert (await desk.links.look(token)).user.mail == ROOT
    tries = [desk.links.sign_in(token, visit) for visit in (HOME, AWAY) for _ in range(5)]
    came = await asyncio.gather(*tries, return_exceptions=True)
    (signed,) = [one for one in came if isinstance(one, SignedIn)]
    assert signed.user.is_operator
    assert await desk.is_in(signed.token)
    await refused(desk.links.look(token), "not_found")


async def test_a_sign_in_link_is_good_for_a_quarter_of_an_hour_and_a_newer_one_voids_it(desk: Desk) -> None:
    first = (await desk.links.make(ANN, "sign_in", BY)).rpartition("/")[2]
    second = (await desk.links.make(ANN, "sign_in", BY)).rpartition("/")[2]
    await refused(desk.links.sign_in(first, HOME), "not_found")
    await refused(desk.links.set_password(second, "another horse battery", HOME), "not_found")
    desk.clock.advance(15 * MINUTE / SECOND)
    await refused(desk.links.sign_in(second, HOME), "not_found")


async def test_a_link_sets_a_password_once_and_signs_in(desk: Desk) -> None:
    token = (await desk.links.make(BEN, "password", BY)).rpartition("/")[2]
    with pytest.raises(PasswordUnfitError):
        await desk.links.set_password(token, "short", HOME)
    desk.clock.advance(47 * HOUR / SECOND)
    signed = await desk.links.set_password(token, PASSWORD, HOME)
    assert isinstance(signed, SignedIn)
    assert signed.user.has_password
    await refused(desk.links.set_password(token, PASSWORD, HOME), "not_found")
    assert await desk.signed_in(BEN)


async def test_a_set_password_link_does_not_go_round_the_second_factor(desk: Desk) -> None:
    secret, switched = await with_factor(desk)
    desk.clock.advance(60)
    token = (await desk.links.make(ANN, "password", BY)).rpartition("/")[2]
    found = await desk.links.set_password(token, "another horse battery", HOME)
    assert isinstance(found, CodeNeeded)
    assert not await desk.is_in(switched.signed.token)
    assert await desk.sign_in.by_code(found.ticket, code(desk, secret), HOME)


async def test_nobody_gets_a_link_who_is_nobody_or_switched_off(desk: Desk) -> None:
    await refused(desk.links.make("nobody@acme.test", "sign_in", BY), "not_found")
    token = (await desk.links.make(CAT, "sign_in", BY)).rpartition("/")[2]
    assert not await desk.office.apply(
        {"version": 1, "tenants": [{"name": "acme", "users": [{"mail": CAT, "enabled": False}]}]}
    )
    await refused(desk.links.make(CAT, "sign_in", BY), "conflict")
    await refused(desk.links.sign_in(token, HOME), "not_found")
    await refused(desk.links.look(token), "not_found")


# --- another process on the same database -------------------------------------------------------------------


@pytest.fixture
async def neighbour(desk: Desk, clock: FakeClock, database_url: str) -> AsyncIterator[Links]:
    """The links of a second process."""
    database = open_database(database_url)
    writer, reader = Writer(database.writer, lambda _topics: None), Reader(database.reader)
    writer.start()
    context = replace(desk.office.context, writer=writer, reader=reader, new_id=FakeIds(10_000).new)
    chance = fixed_random(77).randbytes
    sign_in = SignIn(context, desk.proving, desk.guesses, chance, seconds=lambda: 0.0)
    yield Links(context, desk.proving, sign_in, chance, panel=PANEL)
    await writer.stop()
    reader.close()
    database.close()


async def test_a_link_opens_once_among_two_processes(desk: Desk, neighbour: Links) -> None:
    for _ in range(5):
        token = (await desk.links.make(ANN, "sign_in", BY)).rpartition("/")[2]
        tries = [one.sign_in(token, visit) for one in (desk.links, neighbour) for visit in (HOME, AWAY)]
        came = await asyncio.gather(*tries, return_exceptions=True)
        assert [isinstance(one, SignedIn) for one in came].count(True) == 1
        assert {one.code.name for one in came if isinstance(one, Refusal)} == {"not_found"}


async def test_what_one_process_ends_is_over_in_the_other(desk: Desk, neighbour: Links) -> None:
    token = (await neighbour.make(CAT, "sign_in", BY)).rpartition("/")[2]
    signed = await neighbour.sign_in(token, HOME)
    assert await desk.is_in(signed.token)
    await desk.sessions.sign_out(signed.token)
    late = (await desk.links.make(CAT, "sign_in", BY)).rpartition("/")[2]
    assert await neighbour.sign_in(late, HOME)
