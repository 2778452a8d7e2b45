"""People who use the panel: who they are, what each role may do, how they are signed in, who asks to join."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import NO_TENANT, Id, Identity, Micros

Role = Literal["operator", "admin", "user"]
"""`operator`: whoever runs the service, of no tenant; `admin`: a tenant's; `user`: one of its people."""
Language = Literal["en", "pl"]
Right = Literal[
    "self",  # own name, language, password, second factor, sessions, notifications
    "send",
    "conversations",
    "history",
    "numbers",
    "security",
    "names",
    "phones",
    "mails",
    "hooks",
    "bills",
    "people",
    "tenants",
    "registrations",
    "network",
    "prices",
    "approvals",
    "quarantine",
    "audit",
    "health",
]
_OF_EVERYBODY: Final[frozenset[Right]] = frozenset({"self"})
_OF_USERS: Final[frozenset[Right]] = _OF_EVERYBODY | {"send", "conversations", "history"}
_OF_ADMINS: Final[frozenset[Right]] = _OF_USERS | {
    "numbers", "security", "names", "phones", "mails", "hooks", "bills", "people", "audit",
}  # fmt: skip
_OF_OPERATORS: Final[frozenset[Right]] = _OF_EVERYBODY | {
    "people", "tenants", "registrations", "network", "prices", "approvals", "quarantine", "audit", "health",
}  # fmt: skip
RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    "operator": _OF_OPERATORS,  # texts of customers are none of theirs
    "admin": _OF_ADMINS,  # within their tenant; people and addresses only with its `self_service`
    "user": _OF_USERS,  # within what is their own
}
"""What each role may do. A door asks `User.may`, a use case once more."""

Notice = Literal["balance_low", "limit_reached", "name_approved"]
Channel = Literal["mail", "sms"]
NOTICES: Final[tuple[Notice, ...]] = get_args(Notice)
"""What a person may wish to be told of (W5)."""
Wishes = Mapping[Notice, tuple[Channel, ...]]

IDLE: Final = 12 * HOUR
"""A session that nobody used for so long is over: a day's work with its breaks."""
LONGEST: Final = 30 * DAY
"""A session lasts no longer, however busy it is."""

NO_IDENTITY: Final = Identity("default")
"""Who has none of their own sends as the service does."""


@dataclass(frozen=True, slots=True)
class User:
    """One person. `tenant_id` is NO_TENANT for operators. No secret is in it.

    `has_password`: false until a set-password link was used. `second_factor`: a code is asked for.
    """

    id: Id
    tenant_id: Id
    mail: str
    name: str
    role: Role
    language: Language
    enabled: bool
    created_at: Micros
    has_password: bool
    second_factor: bool
    wishes: Wishes
    identity: Identity = NO_IDENTITY
    """What they send as from the panel."""
    abroad: Literal["2way", "random"] = "2way"
    phone: str = ""
    """E.164, theirs by a code that came there; "": none. Notices by SMS go there."""

    @property
    def is_operator(self) -> bool:
        """Whether they are of the operator's, and of no tenant."""
        return self.role == "operator" and self.tenant_id == NO_TENANT

    def may(self, right: Right) -> bool:
        """Whether their role has it; whose objects is looked at beside."""
        return self.enabled and right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in. `agent`: what it calls itself; `address`: where it was seen last.

    `ends_at`: when it is over however busy it is.
    """

    id: Id
    user_id: Id
    created_at: Micros
    seen_at: Micros
    ends_at: Micros
    agent: str
    address: str

    def lives(self, now: Micros) -> bool:
        """Whether it still counts."""
        return now < self.ends_at and now < self.seen_at + IDLE


LinkKind = Literal["password", "sign_in", "code"]
"""`password`: opens the form that sets one; `sign_in`: signs in; `code`: a password was right, the second
factor is still to come."""
LINK_LIFE: Final[Mapping[LinkKind, int]] = {"password": 48 * HOUR, "sign_in": 15 * MINUTE, "code": 5 * MINUTE}
CODE_TRIES: Final = 5
"""Wrong codes until the password must be said again: of a million codes three count at any time."""
FORGOTTEN_LIFE: Final = HOUR
"""Of a link that sets a password, where anybody may have asked for it."""
LINK_PATH: Final = "/link/"
"""Where links lead, below the panel's address; the token follows."""


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that opens one thing for one person once, as it is known without using it."""

    kind: LinkKind
    user: User
    expires_at: Micros


RegistrationStatus = Literal["pending", "approved", "refused"]


@dataclass(frozen=True, slots=True)
class Registration:
    """A company that asks to become a customer. `code` stands in its bank transfers (B2).

    `became`: the tenant it was made, once it is approved; `reason`: why it was refused.
    """

    id: Id
    company: str
    name: str
    mail: str
    phone: str
    tax_id: str
    about: str
    language: Language
    code: str
    status: RegistrationStatus
    reason: str
    created_at: Micros
    became: Id | None
