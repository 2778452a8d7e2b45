"""The demo's mail program writes and answers as people's do; its name server knows nobody."""

import dns.asyncresolver
import dns.resolver
import pytest

from voip_sms.demo.mail_program import MailProgram, Refused
from voip_sms.demo.mail_sink import MailSink
from voip_sms.demo.name_server import NameServer

BOX = "sklep@example.test"


async def test_an_answer_stays_in_the_thread_and_quotes_below(mail_sink: MailSink) -> None:
    program = MailProgram(BOX, "", ("127.0.0.1", mail_sink.port))
    first = await program.write("601123456@sms.test", "Odbiór", "Kiedy?")
    got = await mail_sink.mail_to("601123456@sms.test")
    assert (got.sender, got.subject, got.text) == (BOX, "Odbiór", "Kiedy?")
    await program.answer(got, "Jutro")
    answer = await mail_sink.mail_to(BOX, containing="Jutro")
    head = answer.message
    assert (head["In-Reply-To"], head["References"]) == (first["Message-ID"], first["Message-ID"])
    assert answer.subject == "Re: Odbiór"
    lines = answer.text.splitlines()
    assert (lines[0], lines[-1]) == ("Jutro", "> Kiedy?")


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_refusal_is_what_the_server_said(mail_sink: MailSink, stage: str) -> None:
    mail_sink.fail("rcpt" if stage == "rcpt" else "data", "550 5.7.1 not you")
    program = MailProgram(BOX, "", ("127.0.0.1", mail_sink.port))
    with pytest.raises(Refused) as refused:
        await program.write("601123456@sms.test", "x", "y")
    assert (refused.value.code, refused.value.text) == (550, "5.7.1 not you")


async def test_the_name_server_knows_no_name() -> None:
    server = await NameServer().start()
    try:
        host, _, port = server.address.rpartition(":")
        asker = dns.asyncresolver.Resolver(configure=False)
        asker.nameservers, asker.port = [host], int(port)
        with pytest.raises(dns.resolver.NXDOMAIN):
            await asker.resolve("_dmarc.example.test", "TXT", lifetime=5)
    finally:
        server.stop()
