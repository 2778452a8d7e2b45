"""What docs/examples shows works: the files apply, and again change nothing; the receiver tells ours from others'."""

import importlib.util
from pathlib import Path

import pytest

from voip_sms.app import administration
from voip_sms.app.settings import load
from voip_sms.forwards.webhook import sign

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_795_000_000.0
BODY = b'{"type":"message.received"}'


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_file_applies_and_then_changes_nothing(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "voip-sms.toml"
    config.write_text("")
    settings = load(config)
    first = administration.apply(settings, file, plan_only=False, prune=False)
    assert first.errors == ()
    again = administration.apply(settings, file, plan_only=False, prune=False)
    assert first.report is not None
    assert again.report is not None
    assert again.report.summary == (f"0 added, 0 changed, 0 removed, {len(first.report.added)} unchanged")


def test_the_receiver_believes_our_signature_only() -> None:
    spec = importlib.util.spec_from_file_location("receive_webhook", EXAMPLES / "receive_webhook.py")
    assert spec is not None
    assert spec.loader is not None
    receiver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(receiver)
    stamp = str(int(NOW))
    headers = {"webhook-id": "evt_1", "webhook-timestamp": stamp}
    signed = headers | {"webhook-signature": sign(SECRET, "evt_1", stamp, BODY)}
    assert receiver.proven(SECRET, signed, BODY, NOW)
    assert receiver.proven(
        SECRET, signed | {"webhook-signature": f"v1,x {signed['webhook-signature']}"}, BODY, NOW
    )
    assert not receiver.proven(SECRET, signed, BODY + b" ", NOW)
    assert not receiver.proven(SECRET, signed, BODY, NOW + 301)
    assert not receiver.proven(SECRET, signed | {"webhook-id": "evt_2"}, BODY, NOW)
    assert not receiver.proven(SECRET, headers, BODY, NOW)
    assert not receiver.proven(SECRET, {}, BODY, NOW)
