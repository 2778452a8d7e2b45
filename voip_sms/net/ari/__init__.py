"""The Asterisk REST Interface: requests to a PBX, and its events."""

from voip_sms.net.ari.client import Ari
from voip_sms.net.ari.errors import AriError, AriLostError, AriRefusedError, AriUnreachableError
from voip_sms.net.ari.events import AriEvents
from voip_sms.net.ari.settings import AsteriskSettings

__all__ = [
    "Ari",
    "AriError",
    "AriEvents",
    "AriLostError",
    "AriRefusedError",
    "AriUnreachableError",
    "AsteriskSettings",
]
