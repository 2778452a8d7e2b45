"""The Kamailio configuration that is shipped: Kamailio itself finds nothing wrong with it."""

import re
import shutil
from pathlib import Path

import pytest

from support.fakes import FakeClock
from support.kamailio import fronted
from support.tls import Authority
from support.waiting import eventually
from voip_sms.core.failures import Accepted
from voip_sms.demo.kamailio import SHIPPED, Kamailio
from voip_sms.demo.phone import Phone
from voip_sms.demo.programs import find_program, root_of

PAGE = SHIPPED.parents[1] / "docs" / "operate" / "kamailio.md"
# What makes it ask for passwords, on addresses of ours.
OWN = """\
#!KAMAILIO
#!define WITH_AUTH
#!define DBURL "text://{folder}"
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
alias="sms.test"
loadmodule "db_text.so"
"""
# Where in the configuration that comes with Kamailio each block of the page belongs, by its first line.
PLACES = {
    "# with the other module parameters": ("# ----- jsonrpcs params -----", "{block}\n{place}"),
    "# first in request_route": ("\n\troute(REQINIT);", "\n{block}{place}"),
    "# a MESSAGE from outside": ("\t# dispatch requests to foreign domains", "{block}\n{place}"),
    "# after save": ('\tif (!save("location")) {\n\t\tsl_reply_error();\n\t}', "{place}\n{block}"),
}

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


def theirs(front: Kamailio) -> str:
    """The configuration that comes with Kamailio, with users of its own, and what the page adds to it."""
    program = find_program("kamailio", apart="kamailio")
    assert program is not None
    text = (root_of(program) / "etc/kamailio/kamailio.cfg").read_text()
    _, _, section = PAGE.read_text().partition("## Into a Kamailio that you have")
    blocks = re.findall(r"```\n(.+?)```", section, re.DOTALL)
    assert len(blocks) == len(PLACES)
    for block in blocks:
        place, together = next(where for first, where in PLACES.items() if block.startswith(first))
        assert text.count(place) == 1, place
        text = text.replace(place, together.format(block=block, place=place))
    text = text.replace("/etc/kamailio/nodes.list", f"{front.folder}/nodes.list")
    text = text.replace("5080", str(front.inner))
    return OWN.format(folder=front.folder, port=front.port) + text


@pytest.mark.peer("pjsua2")
async def test_into_a_kamailio_that_does_other_things_as_the_page_says(clock: FakeClock) -> None:
    def change(front: Kamailio) -> None:
        (front.folder / "kamailio.cfg").write_text(theirs(front))
        (front.folder / "version").write_text("table_name(string) table_version(int)\nsubscriber:7\n")
        (front.folder / "subscriber").write_text("username(string) password(string)\n101:theirs\n")

    async with (
        fronted(clock, change=change) as front,
        Phone(front.account("101", password="theirs")) as phone,
    ):
        assert (await phone.register()).status == 200
        await eventually(lambda: front.service.engine.announcements == ["101"])
        assert await phone.send("601123456", "Zażółć") == (202, "Accepted")
        assert [one.account.name for one in front.service.engine.submissions] == ["101"]
        assert isinstance(await front.deliver("Dzień dobry"), Accepted)
        assert (await phone.next_message()).body == "Dzień dobry"
        await front.service.stop()
        assert (await phone.send("601123456", "Halo?")).status == 503
