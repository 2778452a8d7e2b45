"""Which phones can be called when their connection is gone, and how."""

import pytest

from voip_sms.net.sip.contacts import dial
from voip_sms.net.sip.traffic import Target


@pytest.mark.parametrize(
    ("contact", "source", "transport", "target"),
    [
        ("sip:101@192.0.2.7:5070;transport=tcp", "192.0.2.7:40000", "tcp", Target("tcp", "192.0.2.7", 5070)),
        ("sip:101@192.0.2.7", "192.0.2.7:40000", "tcp", Target("tcp", "192.0.2.7", 5060)),
        ("sip:101@192.0.2.7;transport=UDP", "192.0.2.7:40000", "tcp", Target("udp", "192.0.2.7", 5060)),
        ("sip:101@192.0.2.7;transport=tls", "192.0.2.7:40000", "tls", Target("tls", "192.0.2.7", 5061)),
        ("sips:101@192.0.2.7", "192.0.2.7:40000", "tcp", Target("tls", "192.0.2.7", 5061)),
        ("sip:101@[2001:db8::1]:5062", "[2001:db8:0::1]:9", "tcp", Target("tcp", "2001:db8::1", 5062)),
        ("sip:101@10.0.0.9:5060;transport=tcp", "192.0.2.7:40000", "tcp", None),
        ("sip:101@phone.example.com", "192.0.2.7:40000", "tcp", None),
        ("sip:101@192.0.2.7;transport=sctp", "192.0.2.7:40000", "tcp", None),
        ("sip:101@192.0.2.7;transport=ws", "192.0.2.7:40000", "tcp", None),
        ("tel:+48601123456", "192.0.2.7:40000", "tcp", None),
        ("nonsense", "192.0.2.7:40000", "tcp", None),
    ],
)
def test_only_a_contact_on_the_host_that_registered(
    contact: str, source: str, transport: str, target: Target | None
) -> None:
    assert dial(contact, source, transport) == target
