"""What a customer sets up: numbers, names, phones, mail senders, keys, blocks, webhooks."""

from collections.abc import Sequence

from voip_sms.doors.panel.frame.routes import Screen
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.company import Company
from voip_sms.doors.panel.screens.configuration.forwards import Forwards
from voip_sms.doors.panel.screens.configuration.groups import Groups
from voip_sms.doors.panel.screens.configuration.hooks import Hooks
from voip_sms.doors.panel.screens.configuration.keys import Keys
from voip_sms.doors.panel.screens.configuration.keywords import Keywords
from voip_sms.doors.panel.screens.configuration.mail_senders import MailSenders
from voip_sms.doors.panel.screens.configuration.names import Names
from voip_sms.doors.panel.screens.configuration.numbers import Numbers
from voip_sms.doors.panel.screens.configuration.phones import Phones
from voip_sms.doors.panel.screens.configuration.security import Security


def configuration(rooms: Rooms) -> Sequence[Screen]:
    """In the order of the navigation."""
    return [
        Numbers(rooms),
        Forwards(rooms),
        Keywords(rooms),
        Names(rooms),
        Phones(rooms),
        MailSenders(rooms),
        Groups(rooms),
        Company(rooms),
        Security(rooms),
        Keys(rooms),
        Hooks(rooms),
    ]
