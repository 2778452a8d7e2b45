"""What the panel talks to: the use cases, the same ones that `/v1` and `apply` have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voip_sms.core.clock import Clock
from voip_sms.core.directory import Directory, Id
from voip_sms.core.model import LinkState
from voip_sms.core.ports import Submitter
from voip_sms.doors.panel.operating import Operating
from voip_sms.doors.panel.settings import PanelSettings
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.audit import AuditLog
from voip_sms.engine.blocked import Blocked
from voip_sms.engine.conversations import Conversations
from voip_sms.engine.history import History
from voip_sms.engine.live import Live
from voip_sms.engine.messages import Messages
from voip_sms.engine.metrics import Metrics
from voip_sms.engine.oversight import Oversight
from voip_sms.engine.panel import Writing
from voip_sms.engine.people.links import Links
from voip_sms.engine.people.own import Own
from voip_sms.engine.people.registration import Registrations
from voip_sms.engine.people.sessions import Sessions
from voip_sms.engine.people.sign_in import SignIn
from voip_sms.engine.people.users import Users
from voip_sms.engine.standing import Standing
from voip_sms.engine.verifying import Verifying
from voip_sms.engine.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Wired in `app/panel.py`. `country`: whose national numbers are understood.

    `carrier_links`: the carriers' links by name; `ready`: what is missing; `random(n)`: n random octets.
    """

    submitter: Submitter
    writing: Writing
    accounts: Accounts
    messages: Messages
    history: History
    conversations: Conversations
    live: Live
    webhooks: Webhooks
    oversight: Oversight
    audit: AuditLog
    verifying: Verifying
    blocked: Blocked
    standing: Standing
    sign_in: SignIn
    sessions: Sessions
    own: Own
    links: Links
    users: Users
    registrations: Registrations
    operating: Operating
    directory: Callable[[], Directory]
    carrier_links: Callable[[], Mapping[str, LinkState]]
    ready: Callable[[], Sequence[str]]
    metrics: Metrics
    clock: Clock
    new_id: Callable[[], Id]
    random: Callable[[int], bytes]
    country: str
    settings: PanelSettings
