"""Where a phone's chapter of the demo lacks a component, it says how to get it; the certificate is a real one."""

import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from voip_sms.demo import certificate, linphone
from voip_sms.demo.certificate import Certificate
from voip_sms.demo.report import Report
from voip_sms.demo.story_phones import PhonesChapter


async def test_its_certificate_vouches_for_loopback(tmp_path: Path) -> None:
    made = await Certificate.make(tmp_path)
    if made is None:
        pytest.skip("no openssl on this machine")
    assert made.key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(cafile=str(made.chain)).load_cert_chain(made.chain, made.key)
    decoded: Any = ssl._ssl._test_decode_cert(str(made.chain))  # type: ignore[attr-defined]
    assert ("IP Address", "127.0.0.1") in decoded["subjectAltName"]


async def test_missing_components_are_skipped_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (certificate, linphone):
        monkeypatch.setattr(module.shutil, "which", lambda _: None)
    stage: Any = SimpleNamespace(certificate=await Certificate.make(tmp_path), handsets=None)
    lines: list[str] = []
    report = Report(say=lines.append)
    nobody: Any = None
    steps = PhonesChapter(stage, nobody, nobody).steps()
    for name in ("tls_phone", "linphone_cpim"):
        await report.step(name, steps[name])
    assert report.end() == 0
    assert lines == [
        "skip tls_phone: no openssl on this machine to make a certificate with: apt-get install openssl",
        "skip linphone_cpim: no linphone-daemon on this machine: apt-get install linphone-cli",
        "demo: 0 passed, 0 failed, 2 skipped",
    ]
