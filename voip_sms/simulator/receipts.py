"""Delivery receipts as an SMSC writes them: esm_class 0x04, TLVs, and the text of appendix B."""

from typing import Final

from voip_sms.core.clock import MINUTE, Clock, to_datetime
from voip_sms.simulator.faults import Receipt, state_of
from voip_sms.simulator.ids import MessageIds
from voip_sms.wire.smpp import DeliverSm, SubmitSm, encode, tlv
from voip_sms.wire.smpp.numbers import (
    CODING_DEFAULT,
    ESM_RECEIPT,
    ESM_UDHI,
    STATE_DELIVERED,
    STATE_WORDS,
    TAG_NETWORK_ERROR_CODE,
)

DELIVERED: Final = STATE_WORDS[STATE_DELIVERED]
DELIVERED_RECEIPT: Final = Receipt(fault="receipt", stat=DELIVERED)
_TEXT_OCTETS: Final = 20  # appendix B: the first 20 characters of the message
_GSM_NETWORK: Final = 3  # 5.3.2.31


class ReceiptWriter:
    """Writes receipts; message ids there are shown as `id_format` says: same, hex or dec."""

    def __init__(self, clock: Clock, ids: MessageIds, id_format: str) -> None:
        self._clock = clock
        self._ids = ids
        self._id_format = id_format
        self._minute = -1
        self._date = ""

    def write(self, submit: SubmitSm, message_id: str, how: Receipt = DELIVERED_RECEIPT) -> bytes:
        """The deliver_sm for one submitted part, sequence 0."""
        shown_id = self._shown_id(message_id)
        text = self._text(submit, shown_id, how)
        pdu = DeliverSm(
            0,
            submit.dest,
            submit.source,
            text,
            ESM_RECEIPT,
            tlvs=_tlvs(shown_id, how) if how.tlvs else (),
        )
        return encode(pdu)

    def _text(self, submit: SubmitSm, shown_id: str, how: Receipt) -> bytes:
        if how.text is not None:
            return how.text.replace("{id}", shown_id).encode("latin-1", "replace")
        date = self._today()
        delivered = "001" if how.stat == DELIVERED else "000"
        plain = submit.data_coding == CODING_DEFAULT and not submit.esm_class & ESM_UDHI
        # The octets as they are: carriers don't translate them either, so `@` stays 0x00 here.
        beginning = submit.short_message[:_TEXT_OCTETS] if plain else b""
        head = (
            f"id:{shown_id} sub:001 dlvrd:{delivered} submit date:{date} done date:{date} "
            f"stat:{how.stat} err:{how.err} text:"
        )
        return head.encode("latin-1", "replace") + beginning

    def _shown_id(self, message_id: str) -> str:
        if self._id_format == "same":
            return message_id
        number = self._ids.number(message_id)
        return str(number) if self._id_format == "dec" else f"{number:x}"

    def _today(self) -> str:
        now = self._clock.now()
        if now // MINUTE != self._minute:
            self._minute = now // MINUTE
            self._date = to_datetime(now).strftime("%y%m%d%H%M")
        return self._date


def _tlvs(shown_id: str, how: Receipt) -> tlv.Tlvs:
    found = tlv.of_receipt(shown_id, state_of(how))
    if how.err.isdigit() and 0 < int(how.err) <= 0xFFFF:  # noqa: PLR2004 - two octets hold it
        code = bytes((_GSM_NETWORK,)) + int(how.err).to_bytes(2)
        return (*found, tlv.Tlv(TAG_NETWORK_ERROR_CODE, code))
    return found
