"""What a client sent is read as a whole, however its octets were cut: lines, mails, and those that are too much."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.doors.mail import inbox
from voip_sms.doors.mail.inbox import Inbox

LIMIT = 64
PIECES = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"a", b"\r\n.", b"x" * 30, b"\r"]), max_size=14)


async def read_mail(octets: bytes, cuts: list[int], most: int = 10_000) -> tuple[object, bytes]:
    """What `octets`, cut there, are; and what is left of them."""
    mine = Inbox(limit=LIMIT, loop=asyncio.get_running_loop())
    reading = asyncio.create_task(mine.mail(most, LIMIT))
    for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        mine.feed_data(octets[start:end])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    found = await asyncio.wait_for(reading, 5)
    mine.feed_eof()
    return found, await mine.read()


def told(octets: bytes) -> object:
    """As RFC 5321 4.5.2 has it, line by line; `octets` without the dot that ends them."""
    lines = octets.split(b"\r\n")[:-1]
    if any(len(line) + 2 > LIMIT for line in lines):
        return "line too long"
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


@given(PIECES, st.data())
def test_a_mail_is_the_same_however_it_was_cut(pieces: list[bytes], data: st.DataObject) -> None:
    lines = [line for line in b"".join(pieces).split(b"\r\n") if line != b"."]
    mail = b"".join(line + b"\r\n" for line in lines)
    octets = mail + b".\r\nNOOP\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=5)))
    assert asyncio.run(read_mail(octets, cuts)) == (told(mail), b"NOOP\r\n")


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
async def test_a_mail_in_many_pieces_is_put_together(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_PIECE", 16)
    mail = b"".join(b"%d..%s\r\n" % (n, b"y" * (n % 50)) for n in range(60))
    octets = mail + b"..\r\n.\r\n"
    found, left = await read_mail(octets, list(range(0, len(octets), piece)))
    assert (found, left) == (mail + b".\r\n", b"")


@pytest.mark.parametrize("piece", [1, 13, 5000])
async def test_too_much_is_read_to_its_end_and_what_follows_is_the_next(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_PIECE", 16)
    lines, endless = b"z" * 40 + b"\r\n", b"z" * 400 + b"\r\n"
    for octets, wanted in (
        (lines * 30, "too large"),
        (lines + endless + lines, "line too long"),
        (b"z" * (LIMIT - 1) + b"\r\n", "line too long"),
        (b"z" * (LIMIT - 2) + b"\r\n", b"z" * (LIMIT - 2) + b"\r\n"),
    ):
        whole = octets + b".\r\nRSET\r\n"
        assert await read_mail(whole, list(range(0, len(whole), piece)), 1000) == (wanted, b"RSET\r\n")


async def test_a_command_that_is_here_needs_no_wait_and_one_too_long_is_passed_over() -> None:
    mine = Inbox(limit=LIMIT, loop=asyncio.get_running_loop())
    mine.feed_data(b"EHLO c.test\r\nNOO")
    assert mine.has_line
    assert mine.line() == b"EHLO c.test\r\n"
    assert mine.line() is None
    mine.feed_data(b"P\r\n" + b"x" * 500 + b"\r\nQUIT\r\n")
    assert await mine.next_line() == b"NOOP\r\n"
    assert mine.line() is None
    assert await mine.next_line() is None
    assert mine.line() == b"QUIT\r\n"
