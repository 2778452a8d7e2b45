"""Questions to a real name server, and a real proof from its answers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from support.mail_proof import DnsServer, DnsTable, key_of, key_record, mail, signed
from voip_sms.net.dns import DnsUnavailableError, SystemResolver
from voip_sms.net.mailauth import Arrival, DmarcProof


@pytest.fixture
async def table() -> DnsTable:
    return DnsTable()


@pytest.fixture
async def server(table: DnsTable) -> AsyncIterator[str]:
    made = DnsServer(table)
    yield await made.start()
    made.stop()


async def test_records_of_every_kind_are_read(table: DnsTable, server: str) -> None:
    long = "v=DKIM1; p=" + "A" * 700
    table.records |= {
        ("x.example.pl", "A"): ("192.0.2.1", "192.0.2.2"),
        ("x.example.pl", "AAAA"): ("2001:db8::1",),
        ("x.example.pl", "MX"): ((10, "mail.example.pl"),),
        ("1.2.0.192.in-addr.arpa", "PTR"): ("mail.example.pl",),
        ("x.example.pl", "TXT"): (long.encode(),),
    }
    resolver = SystemResolver(server)
    for (name, kind), wanted in list(table.records.items()):
        found = await asyncio.to_thread(resolver.lookup, name, kind, 5.0)
        assert sorted(found) == sorted(wanted)
    asked = len(table.asked)
    assert await asyncio.to_thread(resolver.lookup, "x.example.pl", "TXT", 5.0) == (long.encode(),)
    assert len(table.asked) == asked, "an answer is remembered for as long as it says"


@pytest.mark.parametrize("name", ["none.example.pl", "a..b", "x" * 300, ".", "ł.pl", "-.example.pl"])
async def test_names_that_are_none_have_no_records(server: str, name: str) -> None:
    assert await asyncio.to_thread(SystemResolver(server).lookup, name, "TXT", 5.0) == ()


async def test_a_broken_and_a_silent_server_are_told_from_an_empty_answer(
    table: DnsTable, server: str
) -> None:
    table.broken.add("broken.example.pl")
    with pytest.raises(DnsUnavailableError):
        await asyncio.to_thread(SystemResolver(server).lookup, "broken.example.pl", "TXT", 5.0)
    silent = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    host, port = silent[0].get_extra_info("sockname")
    began = time.monotonic()
    with pytest.raises(DnsUnavailableError):
        await asyncio.to_thread(SystemResolver(f"{host}:{port}").lookup, "x.example.pl", "TXT", 0.3)
    assert time.monotonic() - began < 5
    silent[0].close()


@pytest.mark.parametrize("server", ["localhost:53", "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:99999999", "x"])
def test_what_is_no_name_server_is_said_at_the_start(server: str) -> None:
    with pytest.raises(ValueError, match=r"name server|address"):
        SystemResolver(server)


async def test_a_signed_mail_is_proven_over_the_wire(table: DnsTable, server: str) -> None:
    table.txt("s1._domainkey.example.pl", key_record(key_of()))
    proof = DmarcProof(SystemResolver(server), seconds=time.monotonic, now=time.time)
    arrival = Arrival(signed(mail()), "biuro@example.pl", "biuro@example.pl", "192.0.2.10", "x.test")
    found = await asyncio.gather(*(proof.check(arrival) for _ in range(20)))
    assert {one.words for one in found} == {"dkim example.pl"}
    proof.close()
