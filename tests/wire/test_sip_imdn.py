"""Receipts between phones, as octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.imdn import (
    DISPOSITIONS,
    Disposition,
    Receipt,
    ReceiptError,
    read_receipt,
    write_receipt,
)

LINPHONE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn" xmlns:imdn="urn:ietf:params:xml:ns:linphone-imdn">'
    "<message-id>{id}</message-id><datetime>2026-11-22T10:00:00Z</datetime>{what}</imdn>"
)


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("<delivery-notification><status><delivered/></status></delivery-notification>", "delivered"),
        ("<delivery-notification><status><failed/></status></delivery-notification>", "failed"),
        ("<delivery-notification><status><error/></status></delivery-notification>", "failed"),
        ("<delivery-notification><status><forbidden/></status></delivery-notification>", "failed"),
        ("<display-notification><status><displayed/></status></display-notification>", "displayed"),
        ("<display-notification><status><forbidden/></status></display-notification>", None),
        ("<processing-notification><status><processed/></status></processing-notification>", None),
        ("", None),
    ],
)
def test_what_a_receipt_says(what: str, state: str | None) -> None:
    assert read_receipt(LINPHONE.format(id="x1", what=what).encode()) == Receipt("x1", state)


def test_prefixes_and_white_space_do_not_matter() -> None:
    octets = (
        b'<i:imdn xmlns:i="urn:ietf:params:xml:ns:imdn">\n <i:message-id>\n  x1 </i:message-id>\n'
        b"<i:display-notification><i:status><i:displayed/></i:status></i:display-notification></i:imdn>"
    )
    assert read_receipt(octets) == Receipt("x1", "displayed")


BOMB = b"<!DOCTYPE imdn [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><imdn><message-id>&b;</message-id></imdn>"
OUTSIDE = b"<!DOCTYPE imdn SYSTEM 'file:///etc/passwd'><imdn><message-id>x</message-id></imdn>"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"not xml",
        b"<imdn>",
        b"<imdn/>",
        b"<other><message-id>x</message-id></other>",
        b"<imdn><message-id>a b</message-id></imdn>",
        b"<imdn><message-id>" + b"x" * 300 + b"</message-id></imdn>",
        b"<imdn><message-id>&x;</message-id></imdn>",
        b'<?xml version="1.0" encoding="nonsense"?><imdn><message-id>x</message-id></imdn>',
        b"<imdn>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</imdn>",
        BOMB,
        OUTSIDE,
    ],
)
def test_what_is_none(octets: bytes) -> None:
    with pytest.raises(ReceiptError):
        read_receipt(octets)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    st.sampled_from(DISPOSITIONS),
)
def test_what_we_write_we_read(message_id: str, state: Disposition) -> None:
    octets = write_receipt(message_id, "2026-11-22T10:00:00Z", "sip:+48601123456@sms.test", state)
    assert read_receipt(octets) == Receipt(message_id, state)


@given(st.binary(max_size=300) | st.text("<>/&;!imdn message-id?xml=\"'\r\n", max_size=200).map(str.encode))
def test_no_octets_crash_it(octets: bytes) -> None:
    try:
        receipt = read_receipt(octets)
    except ReceiptError:
        return
    assert receipt.message_id
