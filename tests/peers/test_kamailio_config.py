"""The Kamailio configuration that is shipped: Kamailio itself finds nothing wrong with it."""

import shutil
from pathlib import Path

import pytest

from support.tls import Authority
from voip_sms.demo.kamailio import SHIPPED, Kamailio

pytestmark = pytest.mark.peer("kamailio")


@pytest.mark.parametrize("secure", [False, True])
async def test_with_addresses_of_ones_own(tmp_path: Path, *, secure: bool) -> None:
    files = Authority(tmp_path).issue()
    chain, key = (str(files.cert), str(files.key)) if secure else ("", "")
    kamailio = Kamailio(chain=chain, key=key)
    try:
        assert await kamailio.check() == ""
    finally:
        await kamailio.stop()


@pytest.mark.parametrize("secure", [False, True])
async def test_as_it_is_shipped(*, secure: bool) -> None:
    kamailio = Kamailio()
    try:
        text = (SHIPPED / "local.cfg").read_text()
        if secure:  # as its comment says
            text = text.replace("##!define WITH_TLS", "#!define WITH_TLS").replace(
                "#listen=tls", "listen=tls"
            )
        (kamailio.folder / "local.cfg").write_text(text)
        shutil.copy(SHIPPED / "tls.cfg", kamailio.folder)
        assert await kamailio.check() == ""
    finally:
        await kamailio.stop()


async def test_a_fault_is_seen() -> None:
    """The check can fail."""
    kamailio = Kamailio(defines={"FLOOD": "nonsense("})
    try:
        assert "nonsense" in await kamailio.check() or "syntax error" in await kamailio.check()
    finally:
        await kamailio.stop()
