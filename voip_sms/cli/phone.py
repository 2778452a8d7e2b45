"""`voip-sms phone`: a SIP phone in the terminal, to text with a running service by hand."""

import asyncio
import sys
import threading

import click

from voip_sms.demo.phone import Incoming, Phone, PhoneAccount, PhoneFailedError
from voip_sms.demo.softphone import SoftPhone

HELP = "Type a number and a text: 601123456 Hello. A line that begins with / answers the last. Ctrl-D ends."
# A person types slower than this; what a pipe brings beyond it waits in the pipe.
MAX_LINES = 1000
OK = range(200, 300)


@click.command(short_help="A SIP phone in the terminal.")
@click.option("--user", required=True, help="The SIP user, such as 101.")
@click.option(
    "--password", envvar="VOIP_SMS_PHONE_PASSWORD", prompt=True, hide_input=True, help="Its password."
)
@click.option("--domain", default="sms.test", show_default=True, help="The service's SIP domain.")
@click.option(
    "--registrar", default="127.0.0.1:5060", show_default=True, help="Where the service listens, host:port."
)
@click.option("--transport", type=click.Choice(["udp", "tcp"]), default="udp", show_default=True)
def phone(user: str, password: str, domain: str, registrar: str, transport: str) -> None:
    """Register with the service, send what is typed, and show what comes in."""
    host, _, port = registrar.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter("must be host:port, such as 127.0.0.1:5060", param_hint="--registrar")
    account = PhoneAccount(user, password, domain, host, int(port), transport)
    try:
        asyncio.run(_talk(account))
    except PhoneFailedError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo()


async def _talk(account: PhoneAccount) -> None:
    async with _phone(account) as handset:
        answer = await handset.register()
        if answer.status not in OK:
            raise PhoneFailedError(f"not registered: {answer.status} {answer.reason}")
        click.echo(f"registered as {account.user}@{account.domain}\n{HELP}")
        showing = asyncio.create_task(_show(handset))
        try:
            await _send_lines(handset, _typed_lines())
        finally:
            showing.cancel()


def _phone(account: PhoneAccount) -> Phone | SoftPhone:
    if Phone.available():
        return Phone(account)
    click.echo(f"a small phone of our own takes its place: {Phone.why_not()}", err=True)
    return SoftPhone(account)


async def _show(handset: Phone | SoftPhone) -> None:
    while True:
        try:
            message = await handset.next_message(within=60)
        except TimeoutError:
            continue
        click.echo(f"< {_who(message)}: {message.body}")


async def _send_lines(handset: Phone | SoftPhone, lines: asyncio.Queue[str | None]) -> None:
    while (line := await lines.get()) is not None:
        to, _, text = line.strip().partition(" ")
        if to.startswith("/"):
            to, text = _last_writer(handset), line.strip()[1:].strip()
        if not to or not text:
            click.echo(HELP)
            continue
        try:
            answer = await handset.send(to, text)
        except TimeoutError:
            click.echo(f"! {to}: no answer")
        else:
            click.echo(f"> {to}: {answer.status} {answer.reason}")


def _typed_lines() -> asyncio.Queue[str | None]:
    """Lines of stdin, None at its end; a thread reads, as stdin may be a file, a pipe or a terminal."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(MAX_LINES)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        asyncio.run_coroutine_threadsafe(lines.put(None), loop).result()

    threading.Thread(target=read, daemon=True).start()
    return lines


def _last_writer(handset: Phone | SoftPhone) -> str:
    return _who(handset.messages.items[-1]) if handset.messages.items else ""


def _who(message: Incoming) -> str:
    """The user part of From: the number that wrote."""
    return message.sender.partition("sip:")[2].partition("@")[0] or message.sender
