"""People: their own account, one-time links, registration, a company's users, what they are told of."""

from collections.abc import Sequence

from voip_sms.doors.panel.frame.routes import Screen
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.people.account import Account
from voip_sms.doors.panel.screens.people.link import LinkScreen
from voip_sms.doors.panel.screens.people.notifications import Notifications
from voip_sms.doors.panel.screens.people.registration import Registration
from voip_sms.doors.panel.screens.people.users import Users


def people(rooms: Rooms) -> Sequence[Screen]:
    """All of them; their order is the navigation's."""
    return [Users(rooms), Notifications(rooms), Account(rooms), LinkScreen(rooms), Registration(rooms)]
