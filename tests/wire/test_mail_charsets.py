"""Texts come out as they were written, whatever their label; what was guessed or lost is flagged."""

import pytest

from voip_sms.wire.mail.charsets import decode

SENTENCES = (
    "Są już gotowe.",
    "proszę",
    "Zażółć gęślą jaźń",
    "więc być",
    "Dzień dobry, proszę odebrać",
    "Źródło „cytat” – koniec…",
    "mają",
    "Łódź",
    "Ślę pozdrowienia",
    "ŚWIĘTA ŻÓŁĆ, ĆMA I ŹDŹBŁO",
)
LABELS = {
    "utf-8": ("utf-8", "UTF8", '"utf-8"'),
    "cp1250": ("windows-1250", "cp1250"),
    "iso8859-2": ("iso-8859-2", "ISO_8859-2", "latin2"),
}
WRONG = (
    "utf-8",
    "windows-1250",
    "iso-8859-2",
    "iso-8859-1",
    "windows-1252",
    "",
    "us-ascii",
    "x-nonsense",
    "punycode",
)


@pytest.mark.parametrize(
    ("sentence", "encoding"),
    [
        (sentence, encoding)
        for sentence in SENTENCES
        for encoding in LABELS
        if encoding != "iso8859-2" or "„" not in sentence  # the set has no such marks
    ],
)
def test_polish_survives_every_label(sentence: str, encoding: str) -> None:
    octets = sentence.encode(encoding)
    for label in LABELS[encoding]:
        read = decode(octets, label)
        assert (read.text, read.repaired, read.damaged) == (sentence, False, False)
    for label in WRONG:
        read = decode(octets, label)
        assert read.text == sentence, label
        assert not read.damaged


@pytest.mark.parametrize(
    ("sentence", "encoding"),
    [
        *[(sentence, "latin-1") for sentence in ("Zażółć gęślą jaźń", "proszę", "Są", "Łódź", "Ąćł")],
        *[(sentence, "cp1252") for sentence in ("Zażółć gęślą jaźń", "proszę", "Są", "Łódź")],
        *[(sentence, "cp1250") for sentence in ("Zażółć gęślą jaźń", "proszę", "Są", "Łódź")],
    ],
)
def test_utf8_encoded_twice_is_undone_and_flagged(sentence: str, encoding: str) -> None:
    octets = bytearray()
    for octet in sentence.encode():  # what the set lacks passes as the control of that number
        one = bytes((octet,))
        octets += one.decode(encoding, "ignore").encode() or chr(octet).encode()
    read = decode(bytes(octets), "utf-8")
    assert (read.text, read.repaired) == (sentence, True)


@pytest.mark.parametrize(
    ("sentence", "encoding", "label"),
    [
        ("Grüße aus München", "cp1252", "iso-8859-1"),
        ("être prêt à la fête", "cp1252", "iso-8859-1"),
        ("¿Qué mañana, señor?", "cp1252", "iso-8859-1"),
        ("Koszt 5 m³ wody", "cp1252", "windows-1252"),
        ("½ litra", "cp1252", "iso-8859-1"),
        ("Příliš žluťoučký kůň", "iso8859-2", "iso-8859-2"),
        ("Příliš žluťoučký kůň", "cp1250", "windows-1250"),
        ("smørrebrød på æble", "cp1252", "iso-8859-1"),
        ("você não é português", "cp1252", "iso-8859-1"),
        ("cœur et sœur", "cp1252", "windows-1252"),
        ("Привет", "cp1251", "windows-1251"),
        ("500 €", "cp1252", "windows-1252"),
        ("日本", "iso-2022-jp", "iso-2022-jp"),
    ],
)
def test_other_languages_keep_their_right_label(sentence: str, encoding: str, label: str) -> None:
    read = decode(sentence.encode(encoding), label)
    assert (read.text, read.repaired, read.damaged) == (sentence, False, False)


@pytest.mark.parametrize(
    ("octets", "label"),
    [
        ("Zażółć".encode()[:-1], "utf-8"),
        ("Zażółć \ufffd".encode(), "utf-8"),
        (b"\xff\xfe\xff", "gb18030"),
        ("Zażółć gęślą".encode() + b"\xb9", "utf-8"),
        ("Åšlę i ząb".encode(), "utf-8"),  # half of it was encoded twice
        (b"a\x81\x8d", "windows-1252"),
        (b"Za?????? g??l? ja??, prosz? wzi?? k?adk?", "us-ascii"),
    ],
)
def test_what_is_lost_is_flagged(octets: bytes, label: str) -> None:
    assert decode(octets, label).damaged


def test_no_codec_but_those_of_mail_is_ever_asked() -> None:
    for label in (
        "unicode_escape",
        "raw_unicode_escape",
        "punycode",
        "idna",
        "zip",
        "rot13",
        "undefined",
        "mbcs",
    ):
        assert decode(b"a\\u0062c", label).text == "a\\u0062c"


def test_questions_are_no_damage() -> None:
    for text in (
        "Będziesz?",
        "Co?Tak.",
        "http://firma.test/a?b=c http://firma.test/x?y=z",
        "Kto? Gdzie? Kiedy?",
    ):
        assert not decode(text.encode(), "utf-8").damaged
