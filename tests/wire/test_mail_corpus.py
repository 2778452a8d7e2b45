"""The corpus of mails: every one is read as its neighbour file says, and what the file is silent on is plain."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from voip_sms.wire.mail.reading import Mail, read_mail

CORPUS = Path(__file__).parents[1] / "corpus" / "mail"
MAILS = sorted(CORPUS.glob("*.eml"))

SILENT: dict[str, Any] = {"html": False, "repaired": False, "damaged": False, "cuts": [], "auto": ""}
"""What holds where the expectation says nothing."""


def seen(mail: Mail) -> dict[str, Any]:
    return {
        "text": mail.body.text,
        "html": mail.body.html,
        "repaired": mail.body.repaired,
        "damaged": mail.body.damaged,
        "cuts": [cut.kind for cut in mail.body.cuts],
        "auto": mail.auto,
        "attachments": mail.attachments,
        "subject": mail.subject,
        "from": mail.from_address,
        "name": mail.from_name,
        "to": list(mail.to),
        "cc": list(mail.cc),
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": list(mail.references),
        "hops": mail.hops,
        "loops": list(mail.loops),
    }


def test_there_are_enough() -> None:
    assert len(MAILS) >= 60
    assert {path.stem for path in MAILS} == {path.stem for path in CORPUS.glob("*.yaml")}


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_is_read_as_its_author_meant_it(path: Path) -> None:
    expected = {**SILENT, **yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))}
    got = seen(read_mail(path.read_bytes()))
    assert {name: got[name] for name in expected} == expected
