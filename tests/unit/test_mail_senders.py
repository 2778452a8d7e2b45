"""Who may send by mail: the whole table of From, login, token, domain and machine."""

import time
from dataclasses import replace

import pytest

from support.mail_proof import DnsTable, key_of, key_record, mail, signed
from support.mail_writers import BIURO, OBCY, SKLEP, Desk, Vouching
from voip_sms.doors.mail import automatic, senders
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.visit import Proven
from voip_sms.net.mailauth import DmarcProof, Proof

BY_SPF = Proof(aligned=True, domain="example.pl", how="spf", addressed="envelope")
BY_DKIM = Proof(aligned=True, domain="example.pl", how="dkim", addressed="fields")
LATER = Proof(aligned=False, why="later", temporary=True)


def desk(proof: Proof | None = None, **options) -> Desk:
    return Desk(options, Vouching(proof) if proof else Vouching())


def proven(found, address: str, how: str) -> None:
    assert isinstance(found, Proven), found
    assert (found.sender.address, found.how) == (address, how)


# --- AUTH -------------------------------------------------------------------------------------------------------


async def test_who_logged_in_writes_as_himself_and_needs_no_lookup() -> None:
    one = desk()
    proven(await one.who(mail(), login=BIURO), BIURO, "auth")
    assert one.proof.asked == []


async def test_who_logged_in_may_write_as_another_sender_of_his_customer() -> None:
    proven(await desk().who(mail(f"Sklep <{SKLEP}>"), login=BIURO), SKLEP, f"auth {BIURO}")


@pytest.mark.parametrize(
    "author", [OBCY, "nobody@example.pl", f'"{BIURO}" <{OBCY}>', f"{BIURO} <x@evil.test>"]
)
async def test_who_logged_in_writes_with_no_foreign_from(author) -> None:
    found = await desk(BY_SPF).who(mail(author), "601123456+k7q2", login=BIURO)
    assert found in {senders.FOREIGN, senders.NO_AUTHOR}


@pytest.mark.parametrize(
    "author", [f"{BIURO}, {SKLEP}", f"<{BIURO}> <{SKLEP}>", "", "Biuro", f"{BIURO}\r\nFrom: {SKLEP}"]
)
@pytest.mark.parametrize("login", [BIURO, ""])
async def test_there_must_be_one_author(author, login) -> None:
    assert await desk(BY_SPF).who(mail(author), login=login) == senders.NO_AUTHOR


# --- the token --------------------------------------------------------------------------------------------------


async def test_the_token_of_the_author_proves_him() -> None:
    one = desk()
    proven(await one.who(mail(), "601123456+k7q2", "602123456+K7Q2"), BIURO, "token")
    assert one.proof.asked == []


@pytest.mark.parametrize(
    "to", [("601123456+zzzz",), ("601123456+k7q2", "602123456"), ("601123456+k7q2", "602123456+k7q3")]
)
async def test_a_token_that_is_wrong_or_missing_somewhere_refuses_the_mail_whatever_the_domain_says(
    to,
) -> None:
    assert await desk(BY_SPF).who(mail(), *to) == senders.WRONG_TOKEN


@pytest.mark.parametrize("author", ["x@evil.test", "nobody@example.pl", f'"{BIURO}" <x@evil.test>'])
async def test_a_token_with_the_wrong_from_proves_nobody(author) -> None:
    assert await desk().who(mail(author), "601123456+k7q2") == senders.WRONG_TOKEN


async def test_a_sender_without_a_token_has_none_to_guess() -> None:
    one = desk()
    one.mailing.senders[BIURO] = replace(one.mailing.senders[BIURO], token="")
    assert await one.who(mail(), "601123456+k7q2") == senders.WRONG_TOKEN


async def test_whoever_guesses_tokens_is_slowed_down_and_others_are_not() -> None:
    one = desk()
    for no in range(senders.WRONG_BURST):
        assert await one.who(mail(), f"601123456+z{no:03}") == senders.WRONG_TOKEN
    assert await one.who(mail(), "601123456+k7q2") == senders.SLOWLY
    assert senders.SLOWLY.code == 450
    proven(await one.who(mail(), "601123456+k7q2", peer="198.51.100.1"), BIURO, "token")
    one.now += 61
    proven(await one.who(mail(), "601123456+k7q2"), BIURO, "token")


async def test_guesses_from_everywhere_are_counted_for_the_sender() -> None:
    one = desk()
    found = [await one.who(mail(), "601123456+zzzz", peer=f"2001:db8:{no:x}::1") for no in range(300)]
    assert found.count(senders.WRONG_TOKEN) == senders.GUESSED_BURST
    found = [
        await one.who(mail("x@evil.test"), "601123456+zzzz", peer=f"2001:db8:ffff::{no:x}")
        for no in range(30)
    ]
    assert found.count(senders.WRONG_TOKEN) == senders.WRONG_BURST, "one /64 counts as one"


# --- the domain -------------------------------------------------------------------------------------------------


async def test_an_aligned_domain_vouches_for_a_listed_author() -> None:
    one = desk(BY_SPF)
    proven(await one.who(mail(), "601123456", "602123456"), BIURO, "spf example.pl")
    asked = one.proof.asked[0]
    assert (asked.author, asked.envelope_from, asked.client_ip, asked.helo) == (
        BIURO,
        BIURO,
        "192.0.2.10",
        "mail.example.pl",
    )


async def test_an_aligned_domain_does_not_help_an_author_who_is_not_listed() -> None:
    one = desk(BY_SPF)
    assert await one.who(mail("nobody@example.pl")) == senders.UNPROVEN
    assert one.proof.asked == [], "nobody's mail costs no lookup"


async def test_a_bare_from_is_never_enough_and_sounds_the_same_for_listed_and_unlisted() -> None:
    assert await desk().who(mail()) == senders.UNPROVEN
    assert await desk().who(mail("nobody@example.pl")) == senders.UNPROVEN
    assert await desk().who(mail(f'"{BIURO}" <x@evil.test>')) == senders.UNPROVEN
    assert senders.UNPROVEN.code == 550


async def test_a_domain_that_cannot_be_asked_now_is_a_matter_of_later() -> None:
    found = await desk(LATER).who(mail())
    assert found == senders.LATER
    assert found.code == 451


@pytest.mark.parametrize(
    ("to", "field", "taken"),
    [
        (("601123456",), "601123456@sms.test", True),
        (("601123456",), "+48601123456@sms.test, 601123456@SMS.test", True),
        (("601123456", "602123456"), "601123456@sms.test", False),
        (("602123456",), "602123456@evil.test", False),
        (("staff",), "Staff@sms.test", True),
        (("staff",), "601123456@sms.test", False),
        (("info",), "info@sms.test", True),
    ],
)
async def test_a_mail_whose_signature_alone_speaks_reaches_only_whom_it_names(to, field, taken) -> None:
    found = await desk(BY_DKIM).who(mail(to=field), *to)
    assert isinstance(found, Proven) is taken
    assert taken or found == senders.NOT_ADDRESSED


async def test_a_signature_that_leaves_to_open_names_nobody() -> None:
    open_to = Proof(aligned=True, domain="example.pl", how="dkim", addressed="nobody")
    assert await desk(open_to).who(mail()) == senders.NOT_ADDRESSED


async def test_real_records_and_a_real_signature() -> None:
    dns = DnsTable()
    dns.txt("s1._domainkey.example.pl", key_record(key_of()))
    proof = DmarcProof(dns, seconds=time.monotonic, now=time.time)
    one = Desk(proof=proof)
    proven(await one.who(signed(mail())), BIURO, "dkim example.pl")
    assert await one.who(signed(mail()), "602123456") == senders.NOT_ADDRESSED, "sent again, to somebody else"
    assert await one.who(signed(mail("nobody@example.pl"))) == senders.UNPROVEN
    assert await one.who(signed(mail(), "evil.test")) == senders.UNPROVEN
    dns.broken.add("s1._domainkey.example.pl")
    assert await one.who(signed(mail())) == senders.LATER
    dns.txt("example.pl", "v=spf1 ip4:192.0.2.10 -all")
    proven(await one.who(mail(), "602123456"), BIURO, "spf example.pl")
    assert await one.who(mail(), peer="192.0.2.11") == senders.UNPROVEN
    proof.close()


# --- machines ---------------------------------------------------------------------------------------------------

REPLIED = ["Auto-Submitted: auto-replied"]
GENERATED = ["Auto-Submitted: auto-generated"]
WAYS = {"auth": {"login": BIURO}, "token": {}, "domain": {}}


def ways(way: str) -> tuple[tuple[str, ...], dict]:
    return (("601123456+k7q2",) if way == "token" else ("601123456",)), WAYS[way]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "more",
    [
        REPLIED,
        ["X-Autoreply: yes"],
        ["Precedence: auto_reply"],
        ["List-Id: <x.example.pl>"],
        ["List-Unsubscribe: <mailto:x@example.pl>"],
        ["X-Failed-Recipients: x@example.pl"],
    ],
)
async def test_answers_lists_and_bounces_never_become_an_sms(way, more) -> None:
    to, login = ways(way)
    one = desk(BY_SPF, auto_generated=True)
    assert await one.who(mail(more=more), *to, **login) == automatic.AUTOMATIC


@pytest.mark.parametrize("way", WAYS)
async def test_the_null_sender_never_becomes_an_sms(way) -> None:
    to, login = ways(way)
    one = desk(BY_SPF, auto_generated=True)
    assert await one.who(mail(), *to, envelope_from="", **login) == automatic.AUTOMATIC
    assert await one.who(mail(more=GENERATED), *to, envelope_from="", **login) == automatic.AUTOMATIC


@pytest.mark.parametrize(
    ("way", "leave", "taken"),
    [
        ("auth", True, True),
        ("token", True, True),
        ("domain", True, False),
        ("auth", False, False),
        ("token", False, False),
    ],
)
@pytest.mark.parametrize("more", [GENERATED, ["Precedence: bulk"]])
async def test_what_a_program_wrote_needs_leave_and_a_secret(way, leave, taken, more) -> None:
    to, login = ways(way)
    found = await desk(BY_SPF, auto_generated=leave).who(mail(more=more), *to, **login)
    assert isinstance(found, Proven) is taken
    assert taken or found == automatic.GENERATED


async def test_programs_are_capped_and_their_servers_come_again() -> None:
    one = desk(auto_generated=True)
    found = [await one.who(mail(more=GENERATED), "601123456+k7q2") for _ in range(100)]
    assert sum(isinstance(answer, Proven) for answer in found) == automatic.GENERATED_BURST
    assert found[-1] == automatic.TOO_OFTEN
    assert automatic.TOO_OFTEN.code == 450
    one.now += 3_600
    found = [await one.who(mail(more=GENERATED), "601123456+k7q2") for _ in range(100)]
    assert sum(isinstance(answer, Proven) for answer in found) <= automatic.GENERATED_PER_HOUR
    proven(await one.who(mail(), "601123456+k7q2"), BIURO, "token")


@pytest.mark.parametrize("null", [True, False])
async def test_premium_answers_by_itself_and_two_machines_end_soon(null) -> None:
    one = desk(mode="premium")
    sent_from = "" if null else BIURO
    found = [await one.who(mail(more=REPLIED), "601123456+k7q2", envelope_from=sent_from) for _ in range(50)]
    assert sum(isinstance(answer, Proven) for answer in found) == automatic.REPLIED_BURST
    assert isinstance(await one.who(mail(more=REPLIED), "602123456+k7q2", envelope_from=sent_from), Proven)
    assert await one.who(mail(more=["List-Id: <x>"]), "603123456+k7q2") == automatic.AUTOMATIC


async def test_a_mailbox_may_pass_on_what_others_wrote_with_leave_and_its_token() -> None:
    author = "klient@gdzies.test"
    proven(await desk(auto_generated=True).who(mail(author), "601123456+k7q2"), BIURO, "token, redirected")
    assert await desk().who(mail(author), "601123456+k7q2") == senders.WRONG_TOKEN
    assert await desk(auto_generated=True).who(mail(author), "601123456+zzzz") == senders.WRONG_TOKEN
    assert await desk(auto_generated=True).who(mail(author), "601123456") == senders.UNPROVEN


@pytest.mark.parametrize(
    "more", [REPLIED, ["List-Id: <x.gdzies.test>"], ["X-Failed-Recipients: x@example.pl"]]
)
async def test_what_is_passed_on_must_not_be_an_answer_or_a_list(more) -> None:
    one = desk(auto_generated=True)
    assert await one.who(mail("klient@gdzies.test", more=more), "601123456+k7q2") == automatic.AUTOMATIC


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "more",
    [["X-Loop: sms.test"], ["X-Loop: other", "X-Loop: SMS.test"], ["Received: from a by b; date"] * 26],
)
async def test_what_was_here_or_everywhere_goes_no_further(way, more) -> None:
    to, login = ways(way)
    one = desk(BY_SPF, auto_generated=True, mode="premium")
    found = await one.who(mail(more=more), *to, **login)
    assert found == automatic.LOOPING
    assert found.code == 554


async def test_25_servers_are_no_loop() -> None:
    found = await desk().who(mail(more=["Received: from a by b; date"] * 25), login=BIURO)
    proven(found, BIURO, "auth")


@pytest.mark.parametrize("room", [senders, automatic])
def test_every_refusal_says_what_to_do_in_both_languages(room) -> None:
    answers = [one for one in vars(room).values() if isinstance(one, Answer)]
    assert len(answers) >= 4
    for one in answers:
        assert one.enhanced[0] == str(one.code)[0]
        assert one.english
        assert one.polish
        assert "?" not in str(one), "not ASCII"
