"""The screens of the panel, one module a family of pages; `screens` lists them."""

from collections.abc import Sequence

from voip_sms.doors.panel.frame.routes import Screen
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration import configuration
from voip_sms.doors.panel.screens.conversations import NAME as CONVERSATIONS
from voip_sms.doors.panel.screens.conversations import Conversations
from voip_sms.doors.panel.screens.history.bill import BillScreen
from voip_sms.doors.panel.screens.history.message import MessageScreen
from voip_sms.doors.panel.screens.history.prices import PricesScreen
from voip_sms.doors.panel.screens.history.screen import HistoryScreen
from voip_sms.doors.panel.screens.home import Home
from voip_sms.doors.panel.screens.live import Events
from voip_sms.doors.panel.screens.operator import operator_screens
from voip_sms.doors.panel.screens.operator.audit import Audit
from voip_sms.doors.panel.screens.people import people
from voip_sms.doors.panel.screens.send.screen import Send
from voip_sms.doors.panel.screens.sign_in import SignInScreen
from voip_sms.doors.panel.screens.traffic import NAME as TRAFFIC
from voip_sms.doors.panel.screens.traffic import Traffic


def screens(rooms: Rooms) -> Sequence[Screen]:
    """All of them; their order is the navigation's."""
    conversations, traffic = Conversations(rooms), Traffic(rooms)
    return [
        Home(rooms),
        *operator_screens(rooms),
        traffic,
        SignInScreen(rooms),
        Send(rooms),
        conversations,
        HistoryScreen(rooms),
        MessageScreen(rooms),
        PricesScreen(rooms),
        BillScreen(rooms),
        *configuration(rooms),
        *people(rooms),
        Audit(rooms),
        Events(rooms, {CONVERSATIONS: conversations.view, TRAFFIC: traffic.view}),
    ]
