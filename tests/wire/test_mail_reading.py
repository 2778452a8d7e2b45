"""Mails composed by Python's own email package come out as they went in; heads of all kinds are read safely."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voip_sms.wire.mail.heads import addresses, decode_words, message_ids
from voip_sms.wire.mail.reading import MAX_REFERENCES, read_mail

WORDS = (
    *(
        "Dzień",
        "dobry",
        "proszę",
        "źle",
        "są",
        "już",
        "gotowe",
        "będę",
        "jutro",
        "o",
        "12.30",
        "(sala",
        "3)",
        "Łódź,",
    ),
    *(
        "Świdnica,",
        "Żory!",
        "Ćma",
        "ślę",
        "paczkę;",
        "ósmy",
        "źrebak",
        "zażółć",
        "gęślą",
        "jaźń",
        "idę",
        "książka",
    ),
    *(
        "więc",
        "być",
        "może",
        "wyślij",
        "kod:",
        "4711",
        "KOŃCÓWKA",
        "ŻÓŁW",
        "ŚWIĘTO",
        "i",
        "z",
        "Anną?",
        "na",
        "mąkę",
    ),
)
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join)
"""Words as the language has them: what set a heap of letters is in, nobody can say."""


def composed(text: str, *, charset: str, cte: str, html: bool, subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = '"Nowak, Łucja" <lucja@firma.test>'
    mail["To"] = "601123456@sms.test, Grupa <ekipa@sms.test>"
    mail["Subject"] = subject
    mail["Message-ID"] = "<1@firma.test>"
    mail.set_content(f"{text}\n", charset=charset, cte=cte)
    if html:
        mail.add_alternative(f"<p>nie to: {text}</p>", subtype="html")
    # Longer subjects than a line lose spaces in Python's own writer (python/cpython issue 92081).
    return mail.as_bytes(policy=SMTP.clone(max_line_length=900))


@settings(max_examples=150, deadline=None)
@given(
    text=SENTENCES,
    subject=SENTENCES,
    charset=st.sampled_from(["utf-8", "iso-8859-2", "windows-1250"]),
    cte=st.sampled_from(["quoted-printable", "base64"]),
    html=st.booleans(),
)
def test_what_the_email_package_writes_is_read(
    *, text: str, subject: str, charset: str, cte: str, html: bool
) -> None:
    mail = read_mail(composed(text, charset=charset, cte=cte, html=html, subject=subject))
    assert mail.body.text == text
    assert mail.subject == subject
    assert not mail.body.damaged
    assert (mail.from_address, mail.from_name) == ("lucja@firma.test", "Nowak, Łucja")
    assert mail.to == ("601123456@sms.test", "ekipa@sms.test")
    assert (mail.auto, mail.attachments, mail.message_id) == ("", False, "<1@firma.test>")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_noise_never_breaks_it(noise: bytes) -> None:
    for octets in (
        b"From: a@b.test\r\n\r\n" + noise,
        b"Subject: " + noise,
        b"Content-Type: text/html\r\n\r\n" + noise,
    ):
        read_mail(octets).body.text.encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a@b.test", [("", "a@b.test")]),
        ("Jan <a@B.TEST.>", [("Jan", "a@b.test")]),
        ('"Kowalski, Jan" <a@b.test>', [("Kowalski, Jan", "a@b.test")]),
        ('"a@b.test" <c@d.test>', [("a@b.test", "c@d.test")]),
        ("<@relay.test:a@b.test>", [("", "a@b.test")]),
        ("a@b.test (Jan (junior), biuro)", [("", "a@b.test")]),
        ("ekipa: a@b.test, c@d.test;", [("", "a@b.test"), ("", "c@d.test")]),
        ("undisclosed-recipients:;", []),
        ("<a@b.test> <c@d.test>", [("", "a@b.test"), ("", "c@d.test")]),
        ("a@b.test@c.test", [("", "")]),
        ("a b@c.test", [("", "")]),
        ("Jan", [("", "")]),
        ("=?utf-8?q?=C5=81?= <a@b.test>", [("Ł", "a@b.test")]),
        ("", []),
    ],
)
def test_addresses_as_people_and_forgers_write_them(raw: str, expected: list[tuple[str, str]]) -> None:
    assert addresses(raw) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"From: a@good.test, b@evil.test",
        b"From: a@good.test\r\nFrom: b@evil.test",
        b"From: a@good.test\r\nFROM : b@evil.test",
        b"From: <a@good.test> <b@evil.test>",
        b"From: a@good.test\x00b@evil.test",
        b"From: a@good.test\rFrom: b@evil.test",
        b"Sender: a@good.test",
        b"From: a@good.test\x0b@evil.test",
    ],
)
def test_there_is_one_author_or_none(head: bytes) -> None:
    assert read_mail(head + b"\r\n\r\nx").from_address == ""


def test_a_head_ends_at_its_first_empty_line_only() -> None:
    mail = read_mail(
        b"From: a@good.test\r\nthis is no field\r\nSubject: x\r\n \r\nFrom: b@evil.test\r\n\r\ny"
    )
    assert (mail.from_address, mail.subject) == ("a@good.test", "x")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= i =?utf-8?q?b?=", "a i b"),
        ("=?iso-8859-2?q?=B1?= =?utf-8?b?xIc=?=", "ąć"),
        ("=?utf-8?b?xIc?=", "ć"),
        ("=?UTF-8*pl?Q?_=C4=85?=", "ą"),
        ("=?utf-8?q?niedomkni=C4=99te", "=?utf-8?q?niedomkni=C4=99te"),
        ("a =?x?y?z?= b", "a =?x?y?z?= b"),
    ],
)
def test_encoded_words(raw: str, expected: str) -> None:
    assert decode_words(raw).text == expected


def test_ids_and_long_threads() -> None:
    assert message_ids("<a@b> (x) <c@d>\t<e f>") == ("<a@b>", "<c@d>")
    assert message_ids("bez@nawiasow") == ("<bez@nawiasow>",)
    ids = [f"<{number}@x>" for number in range(200)]
    mail = read_mail(f"References: {' '.join(ids)}\r\n\r\nx".encode())
    assert mail.references == (ids[0], *ids[1 - MAX_REFERENCES :])
