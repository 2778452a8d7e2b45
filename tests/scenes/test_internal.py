"""From extension to extension over a real database: stored at once, handed over when the phone is there, free."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.forwarding import Stage, opened
from support.world import ACME, CREDIT, DIRECTORY, KEY, OTHER, PHONE, STRANGER, TWO_WAY, to_send
from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import Account, Fallback, Identity, SipAccount
from voip_sms.core.failures import Accepted, Permanent, Refusal, Temporary
from voip_sms.core.identity import Rules
from voip_sms.core.model import Binding, Message, Submission
from voip_sms.engine.chores.expiry import Expiry
from voip_sms.engine.dispatch import NOWHERE, Nowhere
from voip_sms.engine.events import LIFE
from voip_sms.engine.messages import Messages
from voip_sms.engine.submit import Submit

FOREIGN = Account(b"account-sip-0201", OTHER, "sip", "201", Identity("default"))


class NoCarrier:
    """Nothing here may ever ask for one."""

    def admit(self, carrier: str, pair: str, parts: int) -> Nowhere:
        raise AssertionError(carrier, pair, parts)

    def announce(self, carrier: str) -> Nowhere:
        if carrier == "sim":  # of the SMS in a list
            return NOWHERE
        raise AssertionError(carrier)


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    async with opened(database_url, clock) as made:
        accounts = (PHONE, TWO_WAY, FOREIGN)
        made.scene.directory = replace(
            DIRECTORY,
            sip={account.name: SipAccount(account, {}) for account in accounts},
            accounts={account.id: account for account in (*accounts, KEY)},
        )
        yield made


@pytest.fixture
def door(stage: Stage) -> Submit:
    return Submit(stage.scene.context, NoCarrier(), Rules())


def text(body: str = "Hej", to: str = "sip:102@sms.test", key: str = "") -> Submission:
    return to_send(to, text=body, account=PHONE, door="sip", key=key)


async def sent(door: Submit, submission: Submission) -> Message:
    (item,) = (await door.submit(submission)).items
    assert item.message is not None, item.refused
    return item.message


async def now(stage: Stage, message: Message) -> Message:
    return await Messages(stage.scene.reader).get(ACME, message.id)


async def becomes(stage: Stage, message: Message, status: str) -> Message:
    async def reached() -> bool:
        return (await now(stage, message)).status == status

    await stage.until(reached)
    return await now(stage, message)


async def register(stage: Stage, account: Account = TWO_WAY) -> None:
    contact = f"sip:{account.name}@h"
    until = stage.clock.now() + HOUR
    one = Binding(account.name, contact, "192.0.2.1:5", "udp", "", "c", 1, until)
    await stage.registrations.register(account, [one])


async def test_it_is_stored_before_the_answer_and_costs_nothing(stage: Stage, door: Submit) -> None:
    message = await sent(door, text("Zażółć 🙂"))
    assert (message.status, message.sender, message.to) == ("accepted", "sip:101", "sip:102")
    assert (message.encoding, message.parts, message.flags) == ("utf8", 1, frozenset({"internal"}))
    assert await now(stage, message) == message
    assert message.text == "Zażółć 🙂"
    row = await stage.scene.row("message")
    assert (row["direction"], row["door"], row["carrier"], row["price"]) == ("outbound", "sip", "", 0)
    job = await stage.job()
    assert (job["kind"], job["target"], job["event"]) == ("sip", "102", "message.received")
    assert job["expires_at"] == stage.clock.now() + LIFE["sip"]
    assert await stage.scene.rows("ledger") == []
    balance = await stage.scene.row("balance", tenant_id=ACME)
    assert (balance["reserved"], balance["settled"], balance["credit"]) == (0, 0, CREDIT)


async def test_a_phone_that_is_there_gets_it_at_once(stage: Stage, door: Submit) -> None:
    await stage.start()
    await register(stage)
    message = await sent(door, text())
    delivered = await becomes(stage, message, "delivered")
    assert [event.status for event in delivered.events] == ["accepted", "delivered"]
    (job,) = stage.out["sip"].jobs
    assert (job.target, job.event, job.message.sender, job.message.text) == (
        "102",
        "message.received",
        "sip:101",
        "Hej",
    )
    assert [one.contact for one in job.bindings] == ["sip:102@h"]


async def test_a_repeat_is_the_same_message(stage: Stage, door: Submit) -> None:
    first, again = await sent(door, text(key="k")), await door.submit(text(key="k"))
    assert again.replayed
    assert again.items[0].message == first
    assert len(await stage.scene.rows("forward_job")) == 1


async def test_what_was_written_to_a_phone_that_is_off_comes_in_order_with_its_time(
    stage: Stage, door: Submit, clock: FakeClock
) -> None:
    await stage.start()
    written = clock.now()
    messages = []
    for body in ("one", "two", "three"):
        messages.append(await sent(door, text(body)))
        clock.advance(60)
    clock.advance(7200)
    await register(stage)
    await becomes(stage, messages[-1], "delivered")
    assert stage.out["sip"].texts == ["one", "two", "three"]
    moments = [job.message.created_at for job in stage.out["sip"].jobs]
    assert moments == [written, written + MINUTE, written + 2 * MINUTE]


async def test_it_waits_among_what_came_from_outside_in_the_order_of_arrival(
    stage: Stage, door: Submit
) -> None:
    stage.rules()
    await stage.start()
    await sent(door, text("first", to="sip:101@sms.test"))  # to oneself, from another room
    await register(stage, PHONE)
    await sent(door, text("second", to="sip:101@sms.test"))
    await stage.until(lambda: stage.out["sip"].texts == ["first", "second"])


async def test_nobody_took_it_in_time_and_the_sender_hears_of_it(
    stage: Stage, door: Submit, clock: FakeClock
) -> None:
    message = await sent(door, text())
    clock.advance(4 * 24 * 3600)
    await register(stage, PHONE)
    await stage.start()
    expired = await becomes(stage, message, "expired")
    assert (expired.error_code, expired.events[-1].status) == ("expired", "expired")
    await stage.until(lambda: len(stage.out["sip"].jobs) == 1)
    (notice,) = stage.out["sip"].jobs
    assert (notice.target, notice.event) == ("101", "message.expired")
    await stage.until(lambda: len(stage.running) == 1 and stage.running[0].under_way == 0)
    assert (await now(stage, message)).status == "expired"  # the notice's own end changes nothing


async def test_a_refusal_for_good_is_told_too(stage: Stage, door: Submit) -> None:
    await register(stage)
    stage.out["sip"].planned.append(Permanent("sip_415"))
    await stage.start()
    message = await sent(door, text())
    failed = await becomes(stage, message, "undelivered")
    assert (failed.error_code, failed.events[-1].cause) == ("undelivered", "sip_415")
    rows = await stage.scene.rows("forward_job")
    assert {(row["target"], row["event"]) for row in rows} >= {("101", "message.undelivered")}


async def test_a_busy_phone_is_tried_again(stage: Stage, door: Submit, clock: FakeClock) -> None:
    await register(stage)
    stage.out["sip"].planned.append(Temporary("sip_486"))
    await stage.start()
    message = await sent(door, text())
    await stage.settled("queued")
    assert (await now(stage, message)).status == "accepted"
    stage.at(clock.now() + HOUR // 2)
    assert (await becomes(stage, message, "delivered")).status == "delivered"


def falling_back(stage: Stage) -> None:
    """Whoever does not reach 102 within an hour writes a mail."""
    account = SipAccount(TWO_WAY, {}, Fallback(HOUR, "mail", "a@example.test"))
    directory = stage.scene.directory
    stage.scene.directory = replace(directory, sip={**directory.sip, "102": account})


async def test_a_mail_in_the_phone_s_place_is_a_delivery(
    stage: Stage, door: Submit, clock: FakeClock
) -> None:
    falling_back(stage)
    message = await sent(door, text())
    await stage.start()
    stage.at(clock.now() + HOUR)
    await becomes(stage, message, "delivered")
    (mail,) = stage.out["mail"].jobs
    assert (mail.target, mail.message.text) == ("a@example.test", "Hej")


async def test_a_mail_that_failed_leaves_it_to_the_phone(
    stage: Stage, door: Submit, clock: FakeClock
) -> None:
    falling_back(stage)
    stage.out["mail"].planned.append(Permanent("smtp_550"))
    message = await sent(door, text())
    await stage.start()
    stage.at(clock.now() + HOUR)
    await stage.until(lambda: len(stage.out["mail"].jobs) == 1)
    await stage.until(lambda: stage.running[0].under_way == 0)
    clock.advance(1)  # whoever registers in the very microsecond of a look waits for the next
    await register(stage)
    await becomes(stage, message, "delivered")
    assert stage.out["sip"].texts == ["Hej"]


async def test_a_mail_that_failed_too_late_for_the_phone_ends_it(
    stage: Stage, door: Submit, clock: FakeClock
) -> None:
    falling_back(stage)
    stage.out["mail"].planned.append(Temporary("smtp_450"))
    message = await sent(door, text())
    await stage.start()
    stage.at(clock.now() + HOUR)
    await stage.until(lambda: len(stage.out["mail"].jobs) == 1)
    await stage.until(lambda: stage.running[0].under_way == 0)
    stage.at(clock.now() + 5 * DAY)
    await becomes(stage, message, "expired")


async def test_its_own_validity_counts(stage: Stage, door: Submit, clock: FakeClock) -> None:
    submission = to_send("sip:102", text="x", account=KEY, sender="sip:101", validity=10 * MINUTE)
    message = await sent(door, submission)
    assert (await stage.job())["expires_at"] == clock.now() + 10 * MINUTE
    await stage.start()
    stage.at(clock.now() + 11 * MINUTE)
    await becomes(stage, message, "expired")


async def test_it_can_be_called_back_until_a_phone_has_it(stage: Stage, door: Submit) -> None:
    message, other = await sent(door, text()), await sent(door, text("next"))
    assert (await door.cancel(ACME, message.id)).status == "canceled"
    await register(stage)
    await stage.start()
    await becomes(stage, other, "delivered")
    assert stage.out["sip"].texts == ["next"]
    with pytest.raises(Refusal, match="too_late"):
        await door.cancel(ACME, other.id)
    assert (await now(stage, message)).status == "canceled"


async def test_under_way_it_is_too_late(stage: Stage, door: Submit) -> None:
    stage.out["sip"].gate.clear()
    await register(stage)
    await stage.start()
    message = await sent(door, text())
    await stage.until(lambda: stage.out["sip"].now == 1)
    with pytest.raises(Refusal, match="too_late"):
        await door.cancel(ACME, message.id)
    stage.out["sip"].gate.set()
    await becomes(stage, message, "delivered")


async def test_a_list_of_colleagues_and_numbers(stage: Stage, door: Submit) -> None:
    submission = to_send(
        "sip:102", "+48601123456", "sip:199", account=KEY, text="Fire drill", sender="sip:101"
    )
    items = (await door.submit(submission)).items
    assert [item.to for item in items] == ["sip:102", "+48601123456", "sip:199"]
    codes = [item.refused.code.name if item.refused else "" for item in items]
    assert codes == ["", "sender_not_allowed", "extension_unknown"]


async def test_explain_tells_the_same_and_stores_nothing(stage: Stage, door: Submit) -> None:
    (plan,) = await door.explain(text())
    assert (plan.refused, plan.to, plan.carrier, plan.price) == (None, "sip:102", "", 0)
    message = await sent(door, text())
    assert await Messages(stage.scene.reader).trace(ACME, message.id) == plan.trace
    assert len(await stage.scene.rows("message")) == 1


@pytest.mark.parametrize("to", ["sip:201@sms.test", "sip:555@sms.test"])
async def test_another_customer_s_extension_is_nobody_s(stage: Stage, door: Submit, to: str) -> None:
    (item,) = (await door.submit(text(to=to))).items
    assert item.refused is not None
    assert (item.refused.code.name, item.refused.detail) == (
        "extension_unknown",
        "There is no such extension",
    )
    assert await stage.scene.rows("forward_job") == []


async def test_without_credit_it_still_goes(stage: Stage, door: Submit) -> None:
    await stage.scene.update("balance", (ACME,), credit=0)
    assert (await sent(door, text())).status == "accepted"


async def test_the_text_goes_when_the_customer_keeps_none(stage: Stage, door: Submit) -> None:
    tenant = replace(DIRECTORY.tenants[ACME], keep_sent_text=False)
    directory = stage.scene.directory
    stage.scene.directory = replace(directory, tenants={**directory.tenants, ACME: tenant}, subscriptions={})
    await register(stage)
    await stage.start()
    message = await sent(door, text())
    await becomes(stage, message, "delivered")
    assert (await now(stage, message)).text is None


async def test_housekeeping_ends_what_no_job_ends(stage: Stage, door: Submit, clock: FakeClock) -> None:
    message = await sent(door, text())
    expiry = Expiry()
    clock.advance((LIFE["sip"] + DAY) // 1_000_000)
    await expiry.run(stage.scene.context)
    assert (await now(stage, message)).status == "accepted"  # a mail in its place may still be on its way
    clock.advance(5 * 24 * 3600)
    await Expiry().run(stage.scene.context)
    assert (await now(stage, message)).status == "expired"


async def test_a_kept_outcome_is_not_recorded_twice(stage: Stage, door: Submit) -> None:
    """Each of two processes may end it; the message takes one end."""
    await register(stage)
    stage.out["sip"].usual = Accepted("sip:102@h")
    await stage.start()
    await stage.start()
    messages = [await sent(door, text(str(number))) for number in range(10)]
    for message in messages:
        delivered = await becomes(stage, message, "delivered")
        assert [event.status for event in delivered.events] == ["accepted", "delivered"]
    assert stage.out["sip"].texts == [str(number) for number in range(10)]


async def test_the_stranger_s_key_writes_to_none_of_ours(stage: Stage, door: Submit) -> None:
    (item,) = (await door.submit(to_send("sip:102", account=STRANGER, sender="sip:101"))).items
    assert item.refused is not None
    assert item.refused.code.name == "extension_unknown"
