"""Mail through the engine, on both databases: sending, limits, threads, answers, notices, keywords."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from support.fakes import FakeClock
from support.mailing import (
    FOREIGN,
    GROUP,
    NAMED,
    OFFICE,
    PEER,
    PEER_2,
    SECRET,
    NoDispatcher,
    PostOffice,
    post_office,
)
from support.world import ACME, OTHER, OWN, PRICE, to_send
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import ForwardRule, Identity, Keyword, Number, Quota
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.identity import Rules
from voip_sms.core.mail.addressing import recipient_of
from voip_sms.core.model import Message, Plan, Submission, Submitted
from voip_sms.engine.accounts.sealing import Sealed, Vault
from voip_sms.engine.chores.purge import KEPT, Purge
from voip_sms.engine.limits import Limits
from voip_sms.engine.mail import Mailing
from voip_sms.engine.proving import WAITING
from voip_sms.engine.standing import Standing, Used
from voip_sms.engine.submit import Submit
from voip_sms.store.writer import Writer


@pytest.fixture
async def office(database_url: str, clock: FakeClock) -> AsyncIterator[PostOffice]:
    made = post_office(database_url, clock)
    await made.scene.start()
    yield made
    await made.scene.stop()


# --- sending ------------------------------------------------------------------------------------------------


async def test_a_mail_becomes_an_sms_and_says_how(office: PostOffice) -> None:
    (posted,) = await office.post("601-123-456", text="Hello")
    message = await office.scene.row("message")
    assert posted.accepted
    assert (message["recipient"], message["sender"], message["door"]) == (PEER, OWN, "mail")
    assert (message["account"], message["client_ref"]) == (f"mail:{OFFICE}", "<1@acme.test>")
    steps = [step[:2] for step in json.loads(message["trace"])]
    assert steps[:3] == [["mail", "auth"], ["body", "is the text"], ["recipient", PEER]]
    assert (await office.scene.row("balance", tenant_id=ACME))["reserved"] == PRICE


async def test_the_same_mail_again_is_no_second_sms(office: PostOffice) -> None:
    await office.post("601123456", "staff", message_id="<same@acme.test>")
    (again, group) = await office.post("+48601123456", "Staff", message_id="<same@acme.test>")
    assert again.accepted
    assert group.accepted
    assert await office.scene.count("message") == 3
    assert [row["n"] for row in await office.scene.rows("usage")] == [3] * 4


async def test_many_at_once_share_one_sms(office: PostOffice) -> None:
    await asyncio.gather(*(office.post("601123456", message_id="<x@a.test>") for _ in range(20)))
    assert await office.scene.count("message") == 1


async def test_another_text_under_the_same_message_id_is_another_mail(office: PostOffice) -> None:
    for text in ("one", "two"):
        await office.post("601123456", text=text, message_id="<same@acme.test>")
    assert await office.scene.count("message") == 2


async def test_a_flood_of_guesses_makes_no_password_wrong(office: PostOffice) -> None:
    """A program that is told so forgets what it had: who was here goes on, others come again."""
    office.change(NAMED, secret_hash=Vault(Random(6).randbytes).seal(Sealed("another")))
    assert await office.mailing.authenticate(OFFICE, SECRET)
    guesses = [asyncio.create_task(office.mailing.authenticate(OFFICE, f"guess {n}")) for n in range(WAITING)]
    await asyncio.sleep(0)  # all of them are in line now
    assert await office.mailing.authenticate(OFFICE, SECRET)
    with pytest.raises(Refusal, match="rate_limited"):
        await office.mailing.authenticate(NAMED, "another")
    for guess in guesses:
        guess.cancel()
    await asyncio.gather(*guesses, return_exceptions=True)
    assert await office.mailing.authenticate(NAMED, "another")


async def test_a_rate_counts_mails_and_not_their_recipients(office: PostOffice) -> None:
    limits = Limits({"mail": 0.25})  # four seconds' worth is one
    office.mailing = Mailing(
        office.scene.context, office.submit, "PL", office.secrets, limits=limits, monotonic=lambda: 0.0
    )
    many = await office.post("601123456", "602123456", "staff")
    assert all(one.accepted for one in many)
    with pytest.raises(Refusal, match="rate_limited"):
        await office.post("601123456")


async def test_a_group_reaches_all_its_numbers(office: PostOffice) -> None:
    (posted,) = await office.post("staff")
    assert tuple(item.to for item in posted.items) == GROUP
    assert await office.scene.count("message") == 2


async def test_somebody_who_is_written_to_twice_gets_one(office: PostOffice) -> None:
    office.refresh(groups={(ACME, "Staff"): GROUP, (ACME, "night"): (GROUP[0],)})
    posted = await office.post("603000001", "+48 603 000 001", "Staff", "night")
    assert all(one.accepted for one in posted)
    assert sorted(row["recipient"] for row in await office.scene.rows("message")) == list(GROUP)


async def test_what_some_recipients_lack_comes_back_as_one_mail(office: PostOffice) -> None:
    posted = await office.post("601123456", "nobody", "112")
    assert [one.accepted for one in posted] == [True, False, False]
    (job,) = await office.mails("mail.refused")
    assert job["target"] == OFFICE
    assert [item["code"] for item in job["payload"]["items"]] == ["recipient_invalid", "recipient_forbidden"]
    assert job["payload"]["thread"]["message_id"] == "<1@acme.test>"


async def test_a_mail_in_two_transactions_has_both_its_refusals_told_once(office: PostOffice) -> None:
    for _ in range(2):
        for to in (("601123456", "nobody"), ("602123456", "112")):
            await office.post(*to, message_id="<split@acme.test>")
    jobs = await office.mails("mail.refused")
    listed = sorted(item["to"] for job in jobs for item in job["payload"]["items"])
    assert (len(jobs), listed) == (2, ["112", "nobody"])


async def test_where_all_are_refused_the_door_says_so_and_no_mail_does(office: PostOffice) -> None:
    posted = await office.post("nobody", "crew")
    assert [one.why_not.code.name for one in posted if one.why_not] == ["recipient_invalid"] * 2
    assert not await office.scene.rows("forward_job")


async def test_a_text_without_a_word_is_refused(office: PostOffice) -> None:
    (posted,) = await office.post("601123456", text="", subject="")
    assert posted.why_not is not None
    assert posted.why_not.code.name == "text_empty"


async def test_a_text_that_was_cut_is_told_once(office: PostOffice) -> None:
    office.change(OFFICE, over_limit="cut")
    for _ in range(2):
        await office.post("601123456", text="a" * 2000, message_id="<long@acme.test>")
    (job,) = await office.mails("mail.cut")
    assert (job["payload"]["to"], job["payload"]["of"]) == ([PEER], 2000)


async def test_a_sender_has_one_identity_whatever_the_mail_says(office: PostOffice) -> None:
    await office.post("601123456", by=NAMED, from_name="+48601999999", subject="from: INFO")
    assert (await office.scene.row("message"))["sender"] == "ACME"


async def test_a_name_that_is_not_approved_is_refused(office: PostOffice) -> None:
    account = replace(office.senders[NAMED].account, identity=Identity("name", "Wait"))
    office.change(NAMED, account=account)
    (posted,) = await office.post("601123456", by=NAMED)
    assert posted.why_not is not None
    assert posted.why_not.code.name == "sender_not_allowed"


class Stumbling:
    """A submitter that fails for one recipient, as often as there are `errors`."""

    def __init__(self, office: PostOffice, *errors: Exception) -> None:
        self._submit = office.submit
        self._errors = list(errors)

    async def submit(self, submission: Submission) -> Submitted:
        if submission.recipients == ("602123456",) and self._errors:
            raise self._errors.pop()
        return await self._submit.submit(submission)

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        return await self._submit.explain(submission)

    async def cancel(self, tenant_id: bytes, message_id: bytes) -> Message:
        return await self._submit.cancel(tenant_id, message_id)


async def test_a_store_that_is_away_is_for_the_whole_mail_and_nothing_is_repeated(office: PostOffice) -> None:
    whole = office.mailing
    office.mailing = Mailing(
        office.scene.context, Stumbling(office, StoreUnavailableError()), "PL", office.secrets
    )
    with pytest.raises(StoreUnavailableError):
        await office.post("601123456", "602123456", message_id="<x@a.test>")
    office.mailing = whole
    await office.post("601123456", "602123456", message_id="<x@a.test>")
    assert sorted(row["recipient"] for row in await office.scene.rows("message")) == [PEER, PEER_2]


async def test_two_nodes_that_count_the_days_first_mail_at_once_both_send_it(
    office: PostOffice, clock: FakeClock
) -> None:
    """Neither node sees the other's new row of usage before its commit."""
    writer = Writer(office.scene.database.writer, lambda _topics: None)
    writer.start()
    context = replace(office.scene.context, writer=writer)
    other = PostOffice(office.scene)
    other.mailing = Mailing(context, Submit(context, NoDispatcher(), Rules()), "PL", other.secrets)
    try:
        for day in range(20):
            mails = await asyncio.gather(
                office.post("601123456", message_id=f"<ours-{day}@acme.test>"),
                other.post("602123456", message_id=f"<theirs-{day}@acme.test>"),
            )
            assert all(posted.accepted for (posted,) in mails)
            clock.advance(24 * 3600)
    finally:
        await writer.stop()
    assert await office.scene.count("message") == 40


# --- who it is ----------------------------------------------------------------------------------------------


async def test_a_secret_proves_its_address_and_no_other(office: PostOffice) -> None:
    found = await office.mailing.authenticate("Office@ACME.test", SECRET)
    assert found is office.senders[OFFICE]
    assert await office.mailing.authenticate(OFFICE, SECRET) is found  # from memory
    for user, secret in (
        (OFFICE, "wrong"),
        ("stranger@acme.test", SECRET),
        (OFFICE, ""),
        (OFFICE, "x" * 999),
    ):
        assert await office.mailing.authenticate(user, secret) is None


async def test_a_changed_secret_is_in_force_at_once(office: PostOffice) -> None:
    assert await office.mailing.authenticate(OFFICE, SECRET)
    office.change(OFFICE, secret_hash="scrypt$16384$00$00")
    assert await office.mailing.authenticate(OFFICE, SECRET) is None
    office.change(OFFICE, secret_hash="")
    assert await office.mailing.authenticate(OFFICE, SECRET) is None


async def test_a_disabled_sender_or_customer_is_nobody(office: PostOffice) -> None:
    office.change(NAMED, account=replace(office.senders[NAMED].account, enabled=False))
    assert office.mailing.sender(NAMED) is None
    assert office.mailing.sender(OFFICE) is not None
    office.tenant(enabled=False)
    assert office.mailing.sender(OFFICE) is None
    assert await office.mailing.authenticate(OFFICE, SECRET) is None


@pytest.mark.parametrize(
    ("local", "by", "code"),
    [
        ("601123456", None, None),
        ("112", None, "recipient_forbidden"),
        ("12", None, "recipient_invalid"),
        ("staff", None, None),
        ("nobody", None, "recipient_invalid"),
        ("staff", OFFICE, None),
        ("crew", OFFICE, "recipient_invalid"),
        ("info", None, None),
    ],
)
async def test_what_can_be_said_at_rcpt(office: PostOffice, local: str, by: str | None, code: str) -> None:
    sender = office.senders[by] if by else None
    refusal = office.mailing.known(recipient_of(local), sender)
    assert (refusal.code.name if refusal else None) == code


# --- limits -------------------------------------------------------------------------------------------------


async def test_the_last_one_of_a_limit_is_told_of_and_the_next_is_refused(office: PostOffice) -> None:
    office.change(OFFICE, limits=Quota(day=2))
    for _ in range(2):
        await office.post("601123456")
    (job,) = await office.mails("mail.limit")
    assert (job["target"], job["payload"]["use"]["limit"], job["payload"]["use"]["used"]) == (OFFICE, 2, 2)
    (posted,) = await office.post("601123456")
    assert posted.why_not is not None
    assert posted.why_not.code.name == "limit_reached"
    assert await office.scene.count("message") == 2
    assert len(await office.mails("mail.limit")) == 1


async def test_the_next_day_is_new_and_the_month_is_not(office: PostOffice, clock: FakeClock) -> None:
    office.change(OFFICE, limits=Quota(day=1, month=2))
    assert (await office.post("601123456"))[0].accepted
    assert not (await office.post("601123456"))[0].accepted
    clock.moment += DAY
    assert (await office.post("601123456"))[0].accepted
    clock.moment += DAY
    refused = (await office.post("601123456"))[0].why_not
    assert refused is not None
    assert refused.data["period"] == "month"


async def test_a_clock_that_is_put_back_finds_what_was_counted(office: PostOffice, clock: FakeClock) -> None:
    office.change(OFFICE, limits=Quota(day=1))
    now = clock.moment
    await office.post("601123456")
    for jump in (-HOUR, HOUR, DAY, 0):
        clock.moment = now + jump
        await office.post("601123456")
    clock.moment = now
    assert not (await office.post("601123456"))[0].accepted
    assert await office.scene.count("message") == 2  # today's, and the one of the day the clock jumped to


async def test_all_addresses_share_the_accounts_limit(office: PostOffice) -> None:
    office.tenant(mail_limits=Quota(month=2))
    assert (await office.post("601123456"))[0].accepted
    assert (await office.post("601123456", by=NAMED))[0].accepted
    assert not (await office.post("601123456"))[0].accepted
    assert (await office.mails("mail.limit"))[0]["target"] == NAMED
    assert (await office.post("601123456", by=FOREIGN))[0].accepted


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Tokyo", "Nowhere/Land"])
async def test_another_zone_brings_no_new_day_of_the_operators_limit(
    office: PostOffice, clock: FakeClock, zone: str
) -> None:
    """Administrators of the company may change its zone; whose day that is has begun, or not, elsewhere."""
    office.tenant(mail_limits=Quota(day=1), timezone="Europe/Warsaw")
    assert (await office.post("601123456"))[0].accepted
    office.tenant(timezone=zone)
    (posted,) = await office.post("601123456")
    assert posted.why_not is not None
    assert posted.why_not.code.name == "limit_reached"
    clock.moment += DAY
    assert (await office.post("601123456"))[0].accepted


async def test_all_addresses_together_are_counted_as_their_limit_is(office: PostOffice) -> None:
    """The operator's, in UTC; each address's in the company's zone, where it is another day already."""
    office.tenant(timezone="Pacific/Kiritimati")
    assert (await office.post("601123456"))[0].accepted
    used, total = await Standing(office.scene.context).mails(ACME)
    assert (used[OFFICE], total) == (Used(1, 1), Used(1, 1))


async def test_a_group_beyond_the_limit_goes_as_far_as_it_reaches(office: PostOffice) -> None:
    office.change(OFFICE, limits=Quota(day=1))
    (posted,) = await office.post("staff")
    assert [item.message is not None for item in posted.items] == [True, False]
    assert [item["code"] for item in (await office.mails("mail.refused"))[0]["payload"]["items"]] == [
        "limit_reached"
    ]


async def test_fifty_at_once_never_pass_a_limit(office: PostOffice) -> None:
    office.change(OFFICE, limits=Quota(day=10))
    posted = await asyncio.gather(*(office.post("601123456") for _ in range(50)))
    assert sum(one.accepted for (one,) in posted) == 10
    assert await office.scene.count("message") == 10
    assert len(await office.mails("mail.limit")) == 1


async def test_what_money_refused_is_not_counted(office: PostOffice) -> None:
    await office.scene.update("balance", (ACME,), credit=0)
    assert not (await office.post("601123456"))[0].accepted
    assert not await office.scene.rows("usage")


async def test_other_doors_read_and_count_nothing(office: PostOffice) -> None:
    await office.submit.submit(to_send(PEER))
    assert not await office.scene.rows("usage")
    assert not await office.scene.rows("mail_thread")


async def test_info_answers_with_limits_and_use_and_costs_nothing(office: PostOffice) -> None:
    office.change(OFFICE, limits=Quota(day=5))
    await office.post("601123456")
    (posted,) = await office.post("info", text="", subject="")
    assert posted.accepted
    await office.post("info", text="", subject="", message_id="<2@acme.test>")  # the same mail once more
    (job,) = await office.mails("mail.info")
    uses = [(one["scope"], one["period"], one["limit"], one["used"]) for one in job["payload"]["uses"]]
    assert uses == [
        ("address", "day", 5, 1),
        ("address", "month", None, 1),
        ("account", "day", None, 1),
        ("account", "month", None, 1),
    ]
    assert await office.scene.count("message") == 1


# --- threads ------------------------------------------------------------------------------------------------


async def test_an_answer_is_a_mail_in_the_thread_and_answering_it_keeps_the_number(
    office: PostOffice,
) -> None:
    second = "+48601000002"
    numbers = {
        **office.scene.directory.numbers,
        second: Number(b"number-own-00002", ACME, second, "own_mobile", "sim"),
    }
    office.refresh(numbers=numbers)
    await office.post(
        "601123456", message_id="<first@acme.test>", references=("<zero@acme.test>",), subject="Żaba"
    )
    await office.answer("Yes")
    (job,) = await office.mails()
    assert (job["target"], job["payload"]["thread"]) == (
        OFFICE,
        {"message_id": "<first@acme.test>", "references": ["<zero@acme.test>"], "subject": "Żaba"},
    )
    # The phone now writes to another number of ours; the answer leaves from that one.
    office.refresh(forwards={second: (ForwardRule(b"rule-mail-000001", ACME, second, "mail", (OFFICE,)),)})
    await office.answer("And here", to=second)
    await office.post("601123456", text="Answer", references=("<first@acme.test>", "<fwd_1@sms.test>"))
    sent = [row["sender"] for row in await office.scene.rows("message", direction="outbound")]
    assert sent == [OWN, second]


async def test_an_answer_after_the_window_begins_a_thread_of_its_own(
    office: PostOffice, clock: FakeClock
) -> None:
    office.refresh(forwards={OWN: (ForwardRule(b"rule-mail-000001", ACME, OWN, "mail", (OFFICE,)),)})
    office.change(OFFICE, replies=2 * DAY)
    await office.post("601123456")
    clock.moment += 2 * DAY + 1
    await office.answer()
    await office.answer("More")
    first, second = await office.mails()
    assert first["payload"] is None
    assert second["payload"]["thread"]["message_id"].startswith("fwd_")


async def test_without_a_rule_it_comes_back_to_whoever_wrote_last_and_to_nobody_later(
    office: PostOffice, clock: FakeClock
) -> None:
    office.change(NAMED, account=replace(office.senders[NAMED].account, identity=Identity("number", OWN)))
    await office.post("601123456")
    clock.moment += HOUR
    await office.post("601123456", by=NAMED)
    await office.answer()
    await office.answer(by=PEER_2)  # nobody wrote to that one
    assert [job["target"] for job in await office.mails()] == [NAMED]
    clock.moment += 8 * DAY
    await office.answer("late")
    assert len(await office.mails()) == 1


async def test_an_answer_to_a_pools_number_comes_back_in_the_thread(office: PostOffice) -> None:
    office.change(OFFICE, account=replace(office.senders[OFFICE].account, identity=Identity("2way", "pl")))
    await office.post("601123456")
    pool = (await office.scene.row("message"))["sender"]
    await office.answer(to=pool)
    (job,) = await office.mails()
    assert (job["target"], job["payload"]["thread"]["message_id"]) == (OFFICE, "<1@acme.test>")


async def test_another_customers_thread_is_not_answered(office: PostOffice) -> None:
    theirs = "+48601000009"
    office.change(
        FOREIGN, account=replace(office.senders[FOREIGN].account, identity=Identity("number", theirs))
    )
    await office.post("601123456", by=FOREIGN)
    await office.answer(to=OWN)
    assert not await office.mails()
    await office.answer("Yes!", to=theirs)
    assert [(job["tenant_id"], job["target"]) for job in await office.mails()] == [(OTHER, FOREIGN)]


async def test_a_customer_whose_texts_are_not_kept_keeps_no_subjects(office: PostOffice) -> None:
    office.tenant(keep_sent_text=False)
    await office.post("601123456", subject="Secret subject")
    assert (await office.scene.row("mail_thread"))["subject"] == ""
    assert "Secret" not in repr(await office.scene.rows("message"))


# --- keywords -----------------------------------------------------------------------------------------------

SHARED = "+48222000001"


def bind(office: PostOffice, number: str, tenant_id: bytes = ACME, mail: str = "box@acme.test") -> None:
    word = Keyword(b"keyword-00000001", tenant_id, number, "Zgłoś", "zglos", mail)
    office.refresh(
        keywords={(number, "zglos"): word},
        forwards={number: (ForwardRule(b"rule-mail-000001", ACME, number, "mail", ("all@acme.test",)),)},
    )


@pytest.mark.parametrize("text", ["zglos awarie", "ZGŁOŚ", "Zgłoś: pożar"])
async def test_a_keywords_text_reaches_its_mailbox_and_no_other(office: PostOffice, text: str) -> None:
    bind(office, OWN)
    await office.answer(text)
    assert [job["target"] for job in await office.mails()] == ["box@acme.test"]


@pytest.mark.parametrize("text", ["Hello zglos", "zgloszenie", "STOP", ""])
async def test_any_other_text_goes_the_numbers_way(office: PostOffice, text: str) -> None:
    bind(office, OWN)
    await office.answer(text)
    assert [job["target"] for job in await office.mails()] == ["all@acme.test"]


async def test_on_a_shared_number_the_text_belongs_to_the_keywords_owner(office: PostOffice) -> None:
    bind(office, SHARED, OTHER)
    await office.answer("zglos awarie", to=SHARED)
    assert (await office.scene.row("message"))["tenant_id"] == OTHER


async def test_a_keyword_does_not_pass_a_blocked_inbound(office: PostOffice) -> None:
    bind(office, OWN)
    office.tenant(blocked_inbound=True)
    await office.answer("zglos")
    assert not await office.mails()


async def test_counts_and_threads_do_not_stay_for_ever(office: PostOffice, clock: FakeClock) -> None:
    await office.post("601123456")
    clock.moment += 70 * DAY
    for kept in KEPT:
        if kept.table in ("usage", "mail_thread"):
            await Purge(kept).run(office.scene.context)
    assert not await office.scene.rows("usage")
    assert not await office.scene.rows("mail_thread")
