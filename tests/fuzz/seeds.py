"""Where the fuzzer starts: the torture cases, good values of every kind, and what once broke something."""

import base64
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fuzz.edge import BETWEEN, KEY
from support.fakes import FakeClock
from support.sip_engine import DOMAIN
from support.torture import every_case
from voip_sms.wire.sip.digest import Challenge, answer
from voip_sms.wire.sip.messages import Malformed, parse_datagram
from voip_sms.wire.sip.nonces import NonceMint

CORPUS: Final = Path(__file__).parent / "corpus"
MAILS: Final = Path(__file__).parents[1] / "corpus" / "mail"
_CREDENTIALS: Final = (
    'Digest username="101", realm="sms.test", nonce="bm9uY2U", uri="sip:sms.test", response="0123456789abcdef",'
    ' algorithm=MD5, qop=auth, cnonce="c", nc=00000001'
)
WORDS: Final = (
    *("MESSAGE ", "REGISTER ", "OPTIONS ", "INVITE ", "ACK ", "SIP/2.0", "SIP/2.0/UDP ", "SIP/2.0/TCP "),
    *(
        "sip:",
        "sips:",
        "tel:",
        "%40",
        "%00",
        "%2B",
        ";tag=",
        ";branch=z9hG4bK",
        ";rport",
        ";received=",
        ";expires=",
    ),
    *(
        "Via: ",
        "v: ",
        "From: ",
        "f: ",
        "To: ",
        "t: ",
        "Call-ID: ",
        "i: ",
        "CSeq: ",
        "Contact: ",
        "m: ",
        "Max-Forwards: ",
    ),
    *(
        "Content-Length: ",
        "l: ",
        "Content-Type: ",
        "c: ",
        "Content-Encoding: ",
        "e: ",
        "Require: ",
        "Expires: ",
    ),
    *(
        "Authorization: ",
        "X-Auth-User: 101",
        "P-Asserted-Identity: ",
        "Digest ",
        "algorithm=SHA-256",
        "qop=auth",
        "nc=",
    ),
    *(
        "text/plain",
        "charset=",
        "message/cpim",
        "multipart/mixed",
        "boundary=",
        "message/imdn+xml",
        "gzip",
        "deflate",
    ),
    *(
        "\r\n",
        "\r\n\r\n",
        "\r\n ",
        "\t",
        '"',
        '\\"',
        "<",
        ">",
        ",",
        ";;",
        "[2001:db8::1]",
        "4294967296",
        "\x00",
        "\xff",
    ),
    *(
        "Subject: ",
        "=?utf-8?q?",
        "?=",
        "multipart/alternative",
        "text/html",
        "format=flowed",
        "quoted-printable",
    ),
    *(
        "base64",
        "windows-1250",
        "Auto-Submitted: ",
        "<blockquote type=cite>",
        "<br>",
        "</p>",
        "<!--",
        "&nbsp;",
    ),
    *("\n> ", "\n-- \n", "Od: ", "Temat: ", " wrote:", "-----Original Message-----", "\n--x\r\n", "=C4=85"),
)
"""Words that chance wouldn't find soon."""


def torture(transport: str = "UDP") -> list[bytes]:
    """Every torture case as octets, with credentials that look right."""
    return [
        case.octets(
            number=number,
            transport=transport,
            address=("192.0.2.1", 5060),
            auth=lambda *_: _CREDENTIALS,
        )
        for number, case in enumerate(every_case(), 1)
    ]


def _vouched(octets: bytes) -> bytes:
    return octets.replace(f"Authorization: {_CREDENTIALS}".encode(), b"X-Auth-User: 101")


def _values(octets: bytes) -> Iterator[bytes]:
    try:
        message = parse_datagram(octets)
    except Malformed:
        return
    for name, value in message.headers:
        if name in {"via", "from", "to", "contact", "cseq", "content-type", "authorization", "require"}:
            yield value.encode("utf-8", "surrogateescape")


def _addresses(octets: bytes) -> bytes:
    pieces = octets.partition(b"\r\n")[0].split(b" ")
    return pieces[1] if len(pieces) > 1 else b""


_SMPP: Final = (
    # submit_sm_resp, enquire_link, a length that lies, the text of a receipt, a text with a user data header
    bytes.fromhex("00000012800000040000000000000001 4100"),
    bytes.fromhex("00000010000000150000000000000002"),
    bytes.fromhex("ffffffff000000040000000000000003"),
    b"id:123 sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:DELIVRD err:000 text:hello",
    b"\x05\x00\x03\x01\x02\x01hello",
)
_CPIM: Final = (
    b"message/cpim\n\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
    b"imdn.Message-ID: 1\r\n\r\nContent-Type: text/plain\r\n\r\nhello"
)
_IMDN: Final = (
    b"message/imdn+xml\n\n<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>1</message-id>"
    b"<delivery-notification><status><delivered/></status></delivery-notification></imdn>"
)
_BODIES: Final = (
    b"text/plain\n\nhello",
    b"text/plain;charset=utf-16\n\n\xff\xfeh\x00",
    _CPIM,
    _IMDN,
    b"multipart/mixed;boundary=x\n\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n",
    b"text/plain\ndeflate\nx\x9c\xcbH\xcd\xc9\xc9\x07\x00\x06,\x02\x15",
)
_CHALLENGE: Final = b'Digest realm="x", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=TRUE'
# Arrivals, ends, time and sweeps, two octets each: see fuzz/transactions.py.
_EVENTS: Final = (
    bytes.fromhex("000000000400000006ff07000000"),
    bytes.fromhex("000406400700000406ff06ff0700"),
    bytes.fromhex("0000000100020003064007000000000104000500"),
)


def mails() -> list[bytes]:
    """Every mail of the corpus."""
    return [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]


def _streams() -> list[bytes]:
    octets = torture("TCP")
    single = [b"\x00\x00" + one for one in octets]
    return single + [b"\x10\x40" + first + second for first, second in itertools.pairwise(octets)]


def _signed(octets: bytes) -> bytes:
    """With credentials that the edge takes from anybody: its clock stands, and so its first nonce is known."""
    nonce = NonceMint(KEY).mint(FakeClock().now() / 1_000_000, bytes(7))
    method = octets.partition(b" ")[0].decode()
    proof = answer(Challenge(DOMAIN, nonce), method, "sip:sms.test", "101", "pw101", cnonce="c")
    return octets.replace(_CREDENTIALS.encode(), str(proof).encode())


def _edge() -> list[bytes]:
    udp = [_vouched(octets) for octets in torture()]
    tcp = [_vouched(octets) for octets in torture("TCP")]
    single = [b"\x00" + one for one in udp] + [b"\x01" + one for one in tcp]
    signed = [b"\x02" + _signed(one) for one in torture() if one.startswith((b"MESSAGE", b"REGISTER"))]
    stale = b"\x02" + BETWEEN.join(
        [torture()[1], _signed(torture()[1]), _signed(torture()[1]).replace(b"-2;", b"-3;")]
    )
    return [*single, *signed, stale, b"\x00" + BETWEEN.join(udp[:3])]


_SEEDS: Final[dict[str, Callable[[], list[bytes]]]] = {
    "datagram": torture,
    "stream": _streams,
    "address": lambda: sorted({_addresses(octets) for octets in torture()}),
    "header": lambda: sorted({value for octets in torture() for value in _values(octets)}),
    "credentials": lambda: [_CREDENTIALS.encode(), _CHALLENGE],
    "body": lambda: list(_BODIES),
    "smpp": lambda: list(_SMPP),
    "mail": mails,
    "mail_text": lambda: [b"utf-8\n" + octets for octets in mails()],
    "transactions": lambda: list(_EVENTS),
    "edge": _edge,
}


def seeds(target: str) -> list[bytes]:
    """What `target` begins with."""
    return _SEEDS[target]()


def kept(target: str) -> list[tuple[str, bytes]]:
    """What was found before: regressions by name, and inputs that reach new code, one line of base64 each."""
    found = [(path.name, path.read_bytes()) for path in sorted((CORPUS / target).glob("*"))]
    lines = CORPUS / f"{target}.b64"
    if lines.exists():
        octets = [base64.b64decode(line) for line in lines.read_text(encoding="ascii").split()]
        found += [(f"{target}.b64:{number}", one) for number, one in enumerate(octets, 1)]
    return found
