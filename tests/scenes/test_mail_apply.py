"""Mail senders, limits, groups and keywords: from the file that is applied to the directory in force."""

from typing import Any

import pytest
from pydantic import ValidationError

from support.office import Office
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import Quota
from voip_sms.engine.accounts.sealing import proves

SENDER = {
    "address": "Biuro@Acme.test",
    "secret": "s3cret",
    "token": "k7q2",
    "identity": {"kind": "name", "value": "NAME1"},
    "subject": "prefix",
    "mode": "premium",
    "over_limit": "cut",
    "limits": {"day": 500, "month": 5000},
    "failure_to": "boss@acme.test",
    "notify_delivered": True,
    "auto_generated": True,
    "reply_window": "36h",
}


def acme(**more: Any) -> dict[str, Any]:
    return {"version": 1, "tenants": [{"name": "acme", **more}]}


async def test_a_sender_with_everything(office: Office) -> None:
    faults = await office.apply(acme(mail_senders=[SENDER], mail_limits={"month": 20000}))
    assert not faults
    directory = office.holder.current()
    sender = directory.mail["biuro@acme.test"]
    assert proves("s3cret", sender.secret_hash)
    assert "s3cret" not in repr(sender)
    assert (sender.token, sender.subject, sender.mode, sender.over_limit) == (
        "k7q2",
        "prefix",
        "premium",
        "cut",
    )
    assert (sender.limits, sender.failure_to, sender.replies) == (
        Quota(500, 5000),
        "boss@acme.test",
        36 * HOUR,
    )
    assert (sender.notify_delivered, sender.auto_generated) == (True, True)
    assert directory.tenants[sender.account.tenant_id].mail_limits == Quota(None, 20000)
    assert {"biuro@acme.test", "boss@acme.test"} <= directory.mailboxes[sender.account.tenant_id]


async def test_what_a_file_leaves_out_has_its_default_and_later_stays(office: Office) -> None:
    assert not await office.apply(acme(mail_senders=[{"address": "a@acme.test"}]))
    sender = office.holder.current().mail["a@acme.test"]
    assert (sender.secret_hash, sender.token, sender.limits, sender.replies) == ("", "", Quota(), 7 * DAY)
    await office.apply(acme(mail_senders=[{"address": "a@acme.test", "limits": {"day": 3}}]))
    await office.apply(acme(mail_senders=[{"address": "a@acme.test", "subject": "text"}]))
    sender = office.holder.current().mail["a@acme.test"]
    assert (sender.limits, sender.subject) == (Quota(3), "text")


async def test_one_address_has_one_customer_and_one_identity(office: Office) -> None:
    assert not await office.apply(acme(mail_senders=[SENDER]))
    file = {"version": 1, "tenants": [{"name": "other", "mail_senders": [{"address": "biuro@acme.test"}]}]}
    ((where, what),) = await office.apply(file)
    assert where == "tenants[0].mail_senders[0]"
    assert "belongs to somebody already" in what


OWN = "+48601000001"


async def test_a_keyword_is_bound_to_a_mailbox(office: Office) -> None:
    word = {"number": "601 000 001", "word": "Zgłoś", "mail": "Box@acme.test"}
    assert not await office.apply(acme(keywords=[word]))
    found = office.holder.current().keywords[OWN, "zglos"]
    assert (found.word, found.mail) == ("Zgłoś", "box@acme.test")
    assert "box@acme.test" in office.holder.current().mailboxes[found.tenant_id]
    assert not await office.apply(acme(keywords=[{**word, "mail": "other@acme.test"}]))
    assert office.holder.current().keywords[OWN, "zglos"].mail == "other@acme.test"


@pytest.mark.parametrize("word", ["STOP", "start", "Help", "INFO", "pomoc", "two words", "zgłoś!"])
async def test_words_that_nobody_can_have(office: Office, word: str) -> None:
    with pytest.raises(ValidationError):
        await office.apply(acme(keywords=[{"number": OWN, "word": word, "mail": "box@acme.test"}]))


async def test_a_word_on_somebody_elses_number_or_twice_is_refused(office: Office) -> None:
    theirs = {"number": "+48601000002", "word": "zglos", "mail": "box@acme.test"}
    ((where, what),) = await office.apply(acme(keywords=[theirs]))
    assert where == "tenants[0].keywords[0].number"
    assert what.startswith('no number "+48601000002"')


async def test_on_a_shared_number_each_word_has_one_customer(office: Office) -> None:
    shared = {"number": "+48222000001", "kind": "nd", "carrier": "sim"}
    word = {"number": "+48222000001", "word": "zglos", "mail": "box@acme.test"}
    both = {
        "version": 1,
        "tenants": [
            {"name": "acme", "numbers": [shared], "keywords": [word]},
            {"name": "other", "keywords": [{**word, "word": "awaria"}]},
        ],
    }
    assert not await office.apply(both)
    assert len(office.holder.current().keywords) == 2
    again = {"version": 1, "tenants": [{"name": "other", "keywords": [{**word, "word": "ZGŁOŚ"}]}]}
    ((_, what),) = await office.apply(again)
    assert "belongs to somebody already" in what
