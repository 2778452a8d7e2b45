"""A mail's parts are split with bounded work, whatever their heads are."""

import pytest

from voip_sms.wire.mail import parts
from voip_sms.wire.mail.heads import split_head
from voip_sms.wire.mail.reading import read_mail

FIELDS = b"a:\n" * 2_500
"""More fields than a head may have, in 7,500 octets."""


def test_heads_that_are_broken_count_as_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def noted(octets: bytes, start: int, end: int) -> object:
        looked_at.append(end - start)
        return split_head(octets, start, end)

    monkeypatch.setattr(parts, "split_head", noted)
    head = b"From: a@example.test\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
    mail = read_mail(head + b"\n--x\n".join([b"\nCze", *[FIELDS] * 1_500]) + b"\n--x--\n")
    assert mail.body.text == "Cze"
    assert sum(looked_at) <= parts.MAX_HEADS + len(FIELDS)
