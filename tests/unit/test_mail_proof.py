"""A domain vouches for a mail's author by SPF or DKIM that is aligned with From; everything else proves nothing."""

import asyncio
import base64
import math
import secrets
import threading
import time

import dkim
import pytest

from support.mail_proof import DnsTable, key_of, key_record, mail, pem, signed
from voip_sms.net.dkim import DkimSigner
from voip_sms.net.dns import Kind, Value
from voip_sms.net.lookups import MOST, Lookups
from voip_sms.net.mailauth import WAITING, WORKERS, Arrival, DmarcProof, Proof, ascii_domain

IP = "192.0.2.10"


@pytest.fixture
def dns() -> DnsTable:
    table = DnsTable()
    table.txt("s1._domainkey.example.pl", key_record(key_of()))
    return table


def check(
    dns: DnsTable,
    octets: bytes,
    *,
    author="biuro@example.pl",
    sender="biuro@other.test",
    helo="x.test",
    ip=IP,
) -> Proof:
    proof = DmarcProof(dns, seconds=time.monotonic, now=time.time)
    try:
        arrival = Arrival(octets, author, sender, ip, helo)
        return proof.examine(arrival, Lookups(dns, time.monotonic, 20))
    finally:
        proof.close()


def test_an_aligned_signature_vouches_for_the_author_and_whom_he_wrote_to(dns) -> None:
    found = check(dns, signed(mail()))
    assert (found.aligned, found.how, found.domain, found.addressed) == (True, "dkim", "example.pl", "fields")
    assert found.words == "dkim example.pl"


@pytest.mark.parametrize(
    "canonical", [(b"simple", b"simple"), (b"relaxed", b"simple"), (b"relaxed", b"relaxed")]
)
def test_every_canonical_form_is_read(dns, canonical) -> None:
    octets = mail(text="a  b\t c  \r\n\r\n\r\n  d \t\r\n\r\n")
    assert check(dns, signed(octets, canonical=canonical)).aligned
    assert not check(dns, signed(octets, canonical=canonical).replace(b" d ", b" e ")).aligned


def test_a_mail_without_signature_and_spf_proves_nothing(dns) -> None:
    found = check(dns, mail())
    assert not found.aligned
    assert not found.temporary
    assert (
        check(dns, mail(more=["Authentication-Results: sms.test; dkim=pass header.d=example.pl"])).aligned
        is False
    )


@pytest.mark.parametrize(
    ("change", "into"),
    [
        (b"Dzien dobry", b"Dzien dobrY"),
        (b"Subject: hello", b"Subject: other"),
        (b"To: 601123456", b"To: 601123457"),
        (b"From: Biuro <biuro@example.pl>", b"From: Biuro <prezes@example.pl>"),
    ],
)
def test_whatever_is_changed_breaks_the_signature(dns, change, into) -> None:
    octets = signed(mail())
    assert change in octets
    assert not check(dns, octets.replace(change, into)).aligned


@pytest.mark.parametrize(
    "line",
    [
        b"From: other@example.pl",
        b"Subject: other",
        b"To: 1@sms.test",
        b"Cc: 1@sms.test\r\nCc: 2@sms.test",
        b"Message-ID: <2@x>",
    ],
)
def test_a_second_field_that_would_be_read_instead_is_refused(dns, line) -> None:
    assert not check(dns, line + b"\r\n" + signed(mail())).aligned


def test_a_body_put_in_front_by_a_line_that_ends_the_head_for_one_reader_only_is_refused(dns) -> None:
    head, _, rest = signed(mail()).partition(b"To: ")
    smuggled = head + b"X-Note: a\r\n \r\nSend: money to me\r\nTo: " + rest
    assert not check(dns, smuggled).aligned
    assert check(dns, smuggled).why.endswith("the head can be read in two ways")


def test_to_and_cc_outside_the_signature_name_nobody(dns) -> None:
    found = check(dns, signed(mail(), names=("from", "subject", "date", "message-id")))
    assert (found.aligned, found.addressed) == (True, "nobody")


@pytest.mark.parametrize("names", [("from", "to", "date")])
def test_a_subject_outside_the_signature_could_be_anybodys(dns, names) -> None:
    assert not check(dns, signed(mail(), names=names)).aligned


def test_a_signature_of_a_part_of_the_body_proves_nothing(dns) -> None:
    octets = signed(mail(), length=True)
    assert b"l=" in octets
    found = check(dns, octets + b"and 500 zl\r\n")
    assert not found.aligned
    assert "l=" in found.why
    assert not check(dns, octets).aligned


@pytest.mark.parametrize(("shift", "holds"), [(-1, False), (-40_000, False), (3_600, True)])
def test_an_expired_signature_proves_nothing(dns, shift, holds) -> None:
    octets = signed(mail(), tags=b"x=%d" % (time.time() + shift))
    assert b"x=" in octets
    assert check(dns, octets).aligned is holds


def test_a_key_of_fewer_than_1024_bits_proves_nothing(dns) -> None:
    # The smallest that today's libraries make is 1024; the record of a smaller one is written by hand.
    dns.txt("s1._domainkey.example.pl", key_record(key_of(1024)))
    assert check(dns, signed(mail(), bits=1024)).aligned
    small, record = _small_key()
    dns.txt("s1._domainkey.example.pl", record)
    octets = small(mail())
    assert not check(dns, octets).aligned


def _small_key():
    """A key of 768 bits, from primes found here, and its record."""

    def prime(bits: int) -> int:
        while True:
            odd = secrets.randbits(bits) | (3 << (bits - 2)) | 1
            if all(odd % small for small in (3, 5, 7, 11, 13, 17, 19, 23)) and all(
                pow(base, odd - 1, odd) == 1 for base in (2, 3, 5, 7, 11)
            ):
                return odd

    while True:
        one, two = prime(384), prime(384)
        phi = (one - 1) * (two - 1)
        if math.gcd(65537, phi) == 1:
            break
    private = pow(65537, -1, phi)

    def integer(value: int) -> bytes:
        raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
        return b"\x02" + _size(len(raw)) + raw

    def _size(size: int) -> bytes:
        return (
            bytes([size])
            if size < 128
            else b"\x81" + bytes([size])
            if size < 256
            else b"\x82" + size.to_bytes(2, "big")
        )

    def sequence(*values: int) -> bytes:
        inner = b"".join(map(integer, values))
        return b"\x30" + _size(len(inner)) + inner

    der = sequence(
        0, one * two, 65537, private, one, two, private % (one - 1), private % (two - 1), pow(two, -1, one)
    )
    key = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"
    public = base64.b64encode(sequence(one * two, 65537)).decode()

    def sign(octets: bytes) -> bytes:
        names = [b"from", b"to", b"subject"]
        return dkim.DKIM(octets).sign(b"s1", b"example.pl", key, include_headers=names) + octets

    return sign, f"v=DKIM1; k=rsa; p={public}"


@pytest.mark.parametrize("more", ["t=y; ", "s=tlsrpt; ", "k=ed25519; "])
def test_keys_under_test_or_for_something_else_prove_nothing(dns, more) -> None:
    record = key_record(key_of(), more)
    dns.txt("s1._domainkey.example.pl", record.replace("k=rsa; ", "") if "k=ed" in more else record)
    assert not check(dns, signed(mail())).aligned


@pytest.mark.parametrize(
    "records", [(), ("v=DKIM1; p=",), ("v=DKIM1; p=!!!",), ("junk",), ("v=DKIM1; p=" + "A" * 9_000,)]
)
def test_missing_revoked_and_broken_keys_prove_nothing(dns, records) -> None:
    dns.txt("s1._domainkey.example.pl", *records)
    found = check(dns, signed(mail()))
    assert not found.aligned
    assert not found.temporary


def test_rsa_sha1_proves_nothing(dns) -> None:
    assert not check(dns, signed(mail(), algorithm=b"rsa-sha1")).aligned


@pytest.mark.parametrize(
    ("author", "domain", "policy", "holds"),
    [
        ("biuro@example.pl", "mail.example.pl", "", True),
        ("biuro@dzial.example.pl", "example.pl", "", True),
        ("biuro@dzial.example.pl", "inny.example.pl", "v=DMARC1; p=none", True),
        ("biuro@dzial.example.pl", "example.pl", "v=DMARC1; p=reject; adkim=s", False),
        ("biuro@example.pl", "example.pl", "v=DMARC1; p=reject; adkim=s; aspf=s", True),
        ("biuro@example.pl", "example.com", "v=DMARC1; p=none", False),
        ("biuro@example.pl", "badexample.pl", "", False),
        ("biuro@example.com.pl", "other.com.pl", "", False),
        ("biuro@example.com.pl", "com.pl", "", False),
        ("biuro@a.blogspot.com", "b.blogspot.com", "", False),
        ("biuro@pl", "pl", "", False),
    ],
)
def test_the_signing_domain_must_be_of_the_authors_organisation(dns, author, domain, policy, holds) -> None:
    dns.txt(f"s1._domainkey.{domain}", key_record(key_of()))
    if policy:
        dns.txt("_dmarc.example.pl", policy)
    assert check(dns, signed(mail(f"Biuro <{author}>"), domain), author=author).aligned is holds


def test_a_name_in_another_script_is_asked_for_as_the_dns_has_it(dns) -> None:
    name = ascii_domain("Łąka.pl")
    assert name == "xn--ka-ola7v.pl"
    dns.txt(name, f"v=spf1 ip4:{IP} -all")
    assert check(dns, mail(), author="biuro@łąka.pl", sender="biuro@łąka.pl").how == "spf"
    assert not check(dns, mail(), author="biuro@łaka.pl", sender="biuro@łąka.pl").aligned


@pytest.mark.parametrize(
    "author",
    [
        "biuro@",
        "",
        "biuro@localhost",
        "biuro@" + "x" * 300,
        "biuro@..pl",
        "biuro@[192.0.2.10]",
        "biuro@192.0.2.10",
    ],
)
def test_an_author_without_a_domain_of_his_own_is_nobody(dns, author) -> None:
    assert not check(dns, signed(mail()), author=author, sender=author).aligned
    assert dns.asked == []


# --- SPF ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "holds"),
    [
        (f"v=spf1 ip4:{IP} -all", True),
        ("v=spf1 ip4:192.0.2.0/24 ~all", True),
        ("v=spf1 a:mail.example.pl -all", True),
        ("v=spf1 mx -all", True),
        ("v=spf1 include:spf.host.test -all", True),
        ("v=spf1 ip4:192.0.2.11 -all", False),
        ("v=spf1 ?all", False),
        ("v=spf1 ~all", False),
        ("v=spf1 nonsense -all", False),
        ("v=spf1 include:example.pl -all", False),
        ("something else", False),
    ],
)
def test_spf_of_the_authors_domain(dns, record, holds) -> None:
    dns.txt("example.pl", record)
    dns.txt("spf.host.test", "v=spf1 ip4:192.0.2.8/29 -all")
    dns.records["mail.example.pl", "A"] = (IP,)
    dns.records["example.pl", "MX"] = ((10, "mail.example.pl"),)
    found = check(dns, mail(), sender="bounces@example.pl")
    assert found.aligned is holds
    assert found.addressed == ("envelope" if holds else "nobody")


def test_spf_of_another_domain_is_not_even_asked_for(dns) -> None:
    dns.txt("other.test", f"v=spf1 ip4:{IP} -all")
    assert not check(dns, mail(), sender="biuro@other.test").aligned
    assert ("other.test", "TXT") not in dns.asked


def test_from_the_null_sender_the_greeting_counts(dns) -> None:
    dns.txt("mail.example.pl", f"v=spf1 ip4:{IP} -all")
    assert check(dns, mail(), sender="", helo="mail.example.pl").how == "spf"
    assert not check(dns, mail(), sender="", helo="mail.other.test").aligned
    assert not check(dns, mail(), sender="", helo="[192.0.2.10]").aligned


def test_strict_spf_wants_the_same_domain(dns) -> None:
    dns.txt("_dmarc.example.pl", "v=DMARC1; p=none; aspf=s")
    dns.txt("mail.example.pl", f"v=spf1 ip4:{IP} -all")
    assert not check(dns, mail(), sender="x@mail.example.pl").aligned


def test_spf_and_a_signature_vouch_together(dns) -> None:
    dns.txt("example.pl", f"v=spf1 ip4:{IP} -all")
    found = check(dns, signed(mail()), sender="biuro@example.pl")
    assert (found.how, found.addressed) == ("spf+dkim", "envelope")


# --- what can't be known now ----------------------------------------------------------------------------------


def test_a_key_that_cannot_be_asked_for_is_a_matter_of_later(dns) -> None:
    dns.broken.add("s1._domainkey.example.pl")
    assert check(dns, signed(mail())).temporary


def test_an_spf_record_that_cannot_be_asked_for_is_a_matter_of_later_unless_the_signature_holds(dns) -> None:
    dns.broken.add("example.pl")
    assert check(dns, mail(), sender="biuro@example.pl").temporary
    assert check(dns, signed(mail()), sender="biuro@example.pl").how == "dkim"


def test_a_policy_that_cannot_be_asked_for_matters_only_where_domains_differ(dns) -> None:
    dns.broken.add("_dmarc.example.pl")
    assert check(dns, signed(mail())).aligned
    dns.txt("s1._domainkey.mail.example.pl", key_record(key_of()))
    assert check(dns, signed(mail(), "mail.example.pl")).temporary
    assert not check(dns, mail()).temporary


def test_a_record_that_never_ends_is_given_up(dns) -> None:
    for no in range(200):
        dns.txt(
            f"l{no}.example.pl" if no else "example.pl",
            " ".join(["v=spf1", f"include:l{no + 1}.example.pl", "mx", "-all"]),
        )
    assert not check(dns, mail(), sender="biuro@example.pl").aligned
    assert len(dns.asked) <= MOST


def test_hundreds_of_signatures_cost_three_lookups(dns) -> None:
    one = signed(mail()).replace(b"Dzien", b"Inny")
    field = one[: one.index(b"From:")]
    check(dns, field * 300 + mail())
    assert sum(name.startswith("s1.") for name, _ in dns.asked) <= 3


@pytest.mark.parametrize(
    "octets",
    [
        signed(mail(text=(" \t" * 400 + "x\r\n") * 1_000)),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.pl; s=s1; h=from; bh=AAAA; b"
        + b"\r\n " * 1_200
        + b"=x\r\n"
        + mail(),
        b"DKIM-Signature: " + b"a=b;" * 5_000 + b"\r\n" + mail(),
        mail(more=[f"X-{no}: y" for no in range(1_900)]),
        b"\r\n" * 100_000,
        b"From: " + b"a" * 200_000,
    ],
    ids=["blanks", "folds", "tags", "fields", "lines", "head"],
)
def test_hostile_mails_cost_little(dns, octets) -> None:
    began = time.process_time()
    check(dns, octets)
    assert time.process_time() - began < 0.5


async def test_more_checks_than_there_is_room_for_are_put_off(dns) -> None:
    proof = DmarcProof(dns, seconds=time.monotonic, now=time.time)
    proof._under_way = WORKERS + WAITING
    found = await proof.check(Arrival(signed(mail()), "biuro@example.pl", "", IP, "x"))
    assert found.temporary
    proof._under_way = 0
    assert (await proof.check(Arrival(signed(mail()), "biuro@example.pl", "", IP, "x"))).aligned
    proof.close()


async def test_a_client_that_goes_away_keeps_no_thread(dns) -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Slow:
        def lookup(self, name: str, kind: Kind, seconds: float) -> tuple[Value, ...]:
            asked.set()
            assert go_on.wait(10)
            return dns.lookup(name, kind, seconds)

    proof = DmarcProof(Slow(), seconds=time.monotonic, now=time.time)
    arrival = Arrival(signed(mail()), "biuro@example.pl", "biuro@example.pl", IP, "x")
    waiting = asyncio.create_task(proof.check(arrival))
    await asyncio.to_thread(asked.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await asyncio.to_thread(proof._threads.shutdown)
    assert len(dns.asked) == 1


# --- ours -----------------------------------------------------------------------------------------------------


def test_what_we_sign_holds_and_nothing_can_be_added(dns) -> None:
    dns.txt("sms1._domainkey.sms.test", key_record(key_of()))
    signer = DkimSigner("sms.test", "sms1", pem(key_of()))
    ours = signer.sign(
        mail("48601123456@sms.test", to="biuro@example.pl", more=["Auto-Submitted: auto-generated"])
    )
    assert ours.startswith(b"DKIM-Signature: ")
    assert check(dns, ours, author="48601123456@sms.test").aligned
    for line in (b"Cc: x@example.pl\r\n", b"Reply-To: x@example.pl\r\n", b"Content-Type: text/html\r\n"):
        assert not check(dns, line + ours, author="48601123456@sms.test").aligned


@pytest.mark.parametrize(
    ("selector", "key", "words"),
    [
        ("sms1", b"junk", "PEM"),
        ("sms1", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "PEM"),
        ("a b", b"", "dkim_selector"),
        ("sms1", pem(key_of(1024)), "1024 bits"),
    ],
)
def test_keys_that_cannot_sign_are_refused_at_the_start(selector, key, words) -> None:
    with pytest.raises(ValueError, match=words):
        DkimSigner("sms.test", selector, key)


def test_a_key_file_that_is_missing_is_said(tmp_path) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        DkimSigner.from_file("sms.test", "sms1", tmp_path / "none.pem")
    (tmp_path / "key.pem").write_bytes(pem(key_of()).replace(b"\n", b"\r\n"))
    assert DkimSigner.from_file("sms.test", "sms1", tmp_path / "key.pem").sign(mail())
