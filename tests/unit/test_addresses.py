"""Every way people write a number leads to one E.164, and what can't take an SMS is refused by its kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core import addresses
from voip_sms.core.addresses import (
    Address,
    Kind,
    RecipientForbiddenError,
    RecipientInvalidError,
    number,
    recipient,
)

MOBILE = Address("+48601123456", "PL", Kind.MOBILE)


@pytest.mark.parametrize(
    "written",
    [
        "601123456",
        "601 123 456",
        "601-123-456",
        "601.123.456",
        "(601) 123-456",
        "601/123/456",
        " 601123456 ",
        "48601123456",
        "48 601 123 456",
        "+48601123456",
        "+48 601-123-456",
        "0048601123456",
        "00 48 601 123 456",
        "%2B48601123456",
        "%2b48%20601123456",
        "tel:+48601123456",
        "tel:+48601123456;phone-context=+48",
        "tel:601123456;phone-context=+48",
        "tel:601-123-456;phone-context=sms.test",
        "TEL:+48-601-123-456",
        "sip:601123456@sms.test",
        "sip:+48601123456@sms.test:5060;user=phone",
        "sips:+48601123456@sms.test",
        "sip:+48601123456;phone-context=+48@sms.test;user=phone",
        "sip:601123456;npdi;phone-context=+48@sms.test",
        "+48601123456;user=phone",
        "48601123456;user=phone",
        "sip%3A%2B48601123456%40sms.test",
        "sip%3A601123456%40sms.test",
        "sip:sip%3A%2B48601123456%40other.test@sms.test",
        "\u202a+48\u00a0601\u00a0123\u00a0456\u202c",
        "601\u2011123\u2011456",
        "\uff0b48601123456",
        "٦٠١١٢٣٤٥٦",
    ],
)
def test_every_form_is_the_same_number(written):
    assert recipient(written, "PL") == MOBILE
    assert recipient(written, "PL") == MOBILE  # and so it is when it comes from the cache


@pytest.mark.parametrize(
    ("written", "country", "expected"),
    [
        ("+420 601 123 456", "PL", Address("+420601123456", "CZ", Kind.MOBILE)),
        ("+49 1512 3456789", "PL", Address("+4915123456789", "DE", Kind.MOBILE)),
        ("01512 3456789", "DE", Address("+4915123456789", "DE", Kind.MOBILE)),
        ("+44 (0)7400 123456", "PL", Address("+447400123456", "GB", Kind.MOBILE)),
        ("(650) 253-0000", "US", Address("+16502530000", "US", Kind.FIXED_OR_MOBILE)),
        ("0048601123456", "US", MOBILE),
        ("tel:7400123456;phone-context=+44", "PL", Address("+447400123456", "GB", Kind.MOBILE)),
        ("601123456", "CZ", Address("+420601123456", "CZ", Kind.MOBILE)),
    ],
)
def test_the_world_beyond(written, country, expected):
    assert recipient(written, country) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "abc",
        "alice",
        "sip:alice@sms.test",
        "sip:@sms.test",
        "sip%3A%40n",
        "%",
        "%zz",
        "%00601123456",
        "60112345",
        "6011234567",  # one digit too many must not become a Malaysian number
        "0601123456",
        "+4860112345",
        "+486011234567",
        "++48601123456",
        "+48+601123456",
        "601123456+",
        "601123456x12",
        "601123456 ext. 12",
        "tel:+48601123456;ext=12",
        "601123456\r\nTo: 602",
        "601123456,602123456",
        "<sip:601123456@sms.test>",
        "1-800-FLOWERS",
        "601123456'--",
        "+999601123456",
        "0" * 12,
        "6" * 161,
        "%2525252B48601123456",
    ],
)
def test_what_is_no_number_is_said_to_be_none(written):
    with pytest.raises(RecipientInvalidError) as refusal:
        recipient(written, "PL")
    assert refusal.value.code.name == "recipient_invalid"


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("222345678", Kind.FIXED),
        ("+48 22 234 56 78", Kind.FIXED),
        ("486012345", Kind.FIXED),  # Radom, not the country code
        ("+442079460000", Kind.FIXED),
        ("800123456", Kind.TOLL_FREE),
        ("+80012345678", Kind.TOLL_FREE),
        ("801123456", Kind.SHARED_COST),
        ("700123456", Kind.PREMIUM),
        ("+447012345678", Kind.PERSONAL),
        ("804123456", Kind.COMPANY),
        ("112", Kind.SHORT),
        ("999", Kind.SHORT),
        ("1-1-2", Kind.SHORT),
        ("+48112", Kind.SHORT),
        ("0048997", Kind.SHORT),
        ("sip:112@sms.test", Kind.SHORT),
        ("+1911", Kind.SHORT),
        ("+48601", Kind.SHORT),
        ("7155", Kind.SHORT),
        ("+487155", Kind.SHORT),
        ("91955", Kind.SHORT),
        ("116111", Kind.SHORT),
    ],
)
def test_what_must_not_be_texted_is_refused_with_its_kind(written, kind):
    with pytest.raises(RecipientForbiddenError) as refusal:
        recipient(written, "PL")
    assert refusal.value.kind is kind
    assert refusal.value.code.name == "recipient_forbidden"
    assert refusal.value.data == {"kind": kind.value}


def test_a_landline_is_a_number_though_no_recipient():
    assert number("22 234 56 78", "PL") == Address("+48222345678", "PL", Kind.FIXED)
    with pytest.raises(RecipientForbiddenError):
        number("112", "PL")


def test_an_unknown_default_country_reads_international_forms_only():
    assert recipient("+48601123456", "XX") == MOBILE
    with pytest.raises(RecipientInvalidError):
        recipient("601123456", "XX")
    assert addresses.is_country("PL")
    assert not addresses.is_country("XX")


@given(st.text(max_size=200), st.sampled_from(["PL", "US", "DE", "XX"]))
def test_any_text_is_a_number_or_refused(text, country):
    try:
        address = recipient(text, country)
    except (RecipientInvalidError, RecipientForbiddenError):
        return
    assert recipient(address.e164, country) == address


@given(
    st.one_of(
        st.from_regex(r"\A\+48[0-9]{3,10}\Z"),
        st.from_regex(r"\A(48)?[1-9][0-9]{5,10}\Z"),
        st.from_regex(r"\A\+48(45|5[0137]|6[069]|7[2389]|88|21|64|39)[0-9]{7}\Z"),
        st.from_regex(r"\A(48)?(45|5[0137]|6[069]|7[2389]|88|21|64|39)[0-9]{7}\Z"),
    ),
    st.sampled_from(["PL", "CZ", "DE", "US"]),
)
def test_the_shortcut_agrees_with_the_library_on_polish_numbers(digits, country):
    at_once = addresses._mobile_at_once(digits, country)
    assert at_once in (None, addresses._by_library(digits, country))


@given(st.data())
def test_the_shortcut_agrees_with_the_library_everywhere(data):
    code = data.draw(st.sampled_from([str(code) for code in range(20, 99)]))
    plan = addresses._plan_of_code(code)
    if plan is None:
        return
    national = data.draw(
        st.one_of(
            st.from_regex(plan.mobile, fullmatch=True, alphabet=st.sampled_from("0123456789")),
            st.from_regex(plan.other, fullmatch=True, alphabet=st.sampled_from("0123456789")),
            st.from_regex(plan.general, fullmatch=True, alphabet=st.sampled_from("0123456789")),
        )
    )
    for digits in (f"+{code}{national}", national, code + national):
        at_once = addresses._mobile_at_once(digits, plan.region)
        assert at_once in (None, addresses._by_library(digits, plan.region))


def test_polish_mobiles_take_the_shortcut():
    for digits in ("601123456", "48601123456", "+48601123456"):
        assert addresses._mobile_at_once(digits, "PL") == MOBILE
