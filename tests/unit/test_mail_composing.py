"""What of a mail becomes the SMS: subjects, premium, texts that are too long, and what the trace says of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core import segments
from voip_sms.core.directory import Account, Identity, MailSender
from voip_sms.core.mail.composing import PARTS_MOST, clean_subject, compose
from voip_sms.core.segments import TextEmptyError, TextTooLongError
from voip_sms.wire.mail.model import Body, Cut, Mail

ACCOUNT = Account(
    b"account-mail-001", b"tenant-acme-0001", "mail", "office@acme.test", Identity("name", "ACME")
)
SENDER = MailSender(ACCOUNT)
MAIL = Mail(
    "office@acme.test", "", (), (), "Subject", "<1@acme.test>", (), "", "", 1, (), Body("Body"), False
)


def mail(text: str = "Body", subject: str = "Subject", **body: object) -> Mail:
    return replace(MAIL, subject=subject, body=replace(Body(text), **body))


def steps(made: object) -> list[tuple[str, str]]:
    return [(step.step, step.decision) for step in made.steps]


# --- subject modes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "subject", "body", "text"),
    [
        ("auto", "Subject", "Body", "Body"),
        ("auto", "Subject", " \n\t ", "Subject"),
        ("auto", "Re: Fwd: Subject", "", "Subject"),
        ("auto", "Re: Subject", "Body", "Body"),
        ("prefix", "Subject", "Body", "Subject Body"),
        ("prefix", "x" * 31, "Body", "x" * 30 + " Body"),
        ("prefix", "", "Body", "Body"),
        ("prefix", "Subject", "", "Subject"),
        ("prefix", "Odp: SMS od +48601", "Body", "Body"),
        ("text", "Subject", "Body", "Subject"),
        ("text", "", "Body", "Body"),
        ("text", "Re: Subject", "Body", "Body"),
        ("text", "Re: Subject", "", "Subject"),
    ],
)
def test_subject_and_body(mode: str, subject: str, body: str, text: str) -> None:
    assert compose(mail(body, subject), replace(SENDER, subject=mode)).text == text


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("Re: Re: a", "a"),
        ("RE[2]: a", "a"),
        ("Odp: PD: Fwd: a", "a"),
        ("FW: Re: a: b", "a: b"),
        ("Rebus", "Rebus"),
        ("Re:", ""),
    ],
)
def test_what_programs_put_before_a_subject(subject: str, bare: str) -> None:
    assert clean_subject(subject) == bare


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u00a0"])
def test_a_mail_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(TextEmptyError):
        compose(mail(text, text), SENDER)


def test_air_is_not_paid_for() -> None:
    assert compose(mail("\r\nOne  \r\n\r\n\r\n\r\nTwo\t\r\n"), SENDER).text == "One\n\nTwo"


# --- the trace ----------------------------------------------------------------------------------------------


def test_the_trace_says_what_was_done_to_the_mail() -> None:
    body = {"html": True, "repaired": True, "damaged": True, "cuts": (Cut("quote", "On Monday, X wrote:"),)}
    made = compose(replace(mail(**body), attachments=True), SENDER)
    assert steps(made) == [
        ("format", "html"),
        ("charset", "repaired"),
        ("charset", "damaged"),
        ("cut", "quote"),
        ("body", "is the text"),
        ("attachments", "left out"),
    ]
    assert made.steps[3].reason == "it began: On Monday, X wrote:"


def test_what_was_cut_is_not_repeated_where_texts_are_not_kept() -> None:
    made = compose(mail(cuts=(Cut("signature", "Jan Kowalski"),)), SENDER, quote=False)
    assert "Kowalski" not in repr(made.steps)


# --- length -------------------------------------------------------------------------------------------------

GSM_PARTS = 10 * segments.GSM7_PART


def test_ten_parts_pass_and_eleven_are_refused() -> None:
    assert compose(mail("a" * GSM_PARTS), SENDER).text == "a" * GSM_PARTS
    with pytest.raises(TextTooLongError) as refused:
        compose(mail("a" * (GSM_PARTS + 1)), SENDER)
    assert refused.value.data == {"parts": 11, "max_parts": 10}


def test_or_they_are_cut_with_a_notice() -> None:
    made = compose(mail("a" * 2_000), replace(SENDER, over_limit="cut"))
    assert made.text == "a" * (GSM_PARTS - 3) + "..."
    assert made.cut == (GSM_PARTS - 3, 2_000)
    assert made.steps[-1].decision == "too long"


@given(st.text(alphabet="aął€🙂 \ne\u0301", min_size=1, max_size=3_000), st.booleans())
def test_what_is_cut_always_fits(text: str, accents: bool) -> None:  # noqa: FBT001 - given by hypothesis
    sender = replace(SENDER, over_limit="cut")
    try:
        made = compose(mail(text, ""), sender, transliterate=accents)
    except TextEmptyError:
        return
    segmented = segments.segment(made.text, PARTS_MOST, transliterate=accents)
    assert len(segmented.parts) <= PARTS_MOST
    if made.cut is not None:  # and no more was cut than had to be
        with pytest.raises(TextTooLongError):
            segments.segment(text.strip(), PARTS_MOST, transliterate=accents)
        assert len(segmented.parts) == PARTS_MOST


@given(st.text(min_size=1, max_size=400))
def test_premium_is_one_part_of_at_most_160_characters(text: str) -> None:
    try:
        made = compose(mail(text, ""), replace(SENDER, mode="premium"))
    except TextEmptyError:
        return
    assert made.options.max_parts == 1
    if made.text.strip():
        segmented = segments.segment(made.text, 1, transliterate=True)
        assert segmented.encoding == "gsm7"
    assert len(made.text) <= 160


def test_premium_takes_the_first_160_without_accents() -> None:
    made = compose(mail("Zażółć " * 40), replace(SENDER, mode="premium"))
    assert made.text == ("Zazolc " * 40)[:160]
    assert made.cut is None  # it is what was agreed: nobody is told each time
