"""The operator's pages, one module each."""

from collections.abc import Sequence

from voip_sms.doors.panel.frame.routes import Screen
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.approvals import Approvals
from voip_sms.doors.panel.screens.operator.carriers import Carriers
from voip_sms.doors.panel.screens.operator.overview import Overview
from voip_sms.doors.panel.screens.operator.pools import Pools
from voip_sms.doors.panel.screens.operator.prices import Prices
from voip_sms.doors.panel.screens.operator.quarantine import QuarantineScreen
from voip_sms.doors.panel.screens.operator.registrations import RegistrationsScreen
from voip_sms.doors.panel.screens.operator.routes import Routes
from voip_sms.doors.panel.screens.operator.tenants import Tenants


def operator_screens(rooms: Rooms) -> Sequence[Screen]:
    """All of them, in the order of the navigation."""
    return [
        Overview(rooms),
        Tenants(rooms),
        RegistrationsScreen(rooms),
        Approvals(rooms),
        Carriers(rooms),
        Routes(rooms),
        Prices(rooms),
        Pools(rooms),
        QuarantineScreen(rooms),
    ]
