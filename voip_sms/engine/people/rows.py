"""Rows of the people's tables as values, and what several use cases look at and write in their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.clock import HOUR
from voip_sms.core.directory import NO_TENANT, Directory, Id, Identity, Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.people import LINK_LIFE, LONGEST, LinkKind, Registration, Session, User
from voip_sms.engine.context import Context
from voip_sms.engine.people.tokens import Random, new_token, token_hash
from voip_sms.store.units import Match, Row, Rows, State

AGENT_MOST: Final = 200
"""Characters of what a browser calls itself: the first hundred say all that people understand."""
ADDRESS_MOST: Final = 64
MAILS_AN_HOUR: Final = 3
"""Links that set a password, in one mailbox: a slow mail is asked for twice, a joke a hundred times."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody comes from: the address (numeric), and what the browser calls itself."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was opened. `token` is for the browser alone, and is shown here once."""

    token: str
    user: User
    session: Session


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a new session is made of, drawn before the decision that opens it."""

    token: str
    id: Id
    now: Micros
    visit: Visit


def drawn(context: Context, random: Random, visit: Visit) -> Fresh:
    """What the next session is made of."""
    return Fresh(new_token(random), context.new_id(), context.clock.now(), visit)


def user_of(row: Mapping[str, Any]) -> User:
    """A row of `user_account`, without its secrets."""
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        mail=row["mail"],
        name=row["name"],
        role=row["role"],
        language=row["language"],
        enabled=row["enabled"],
        created_at=row["created_at"],
        has_password=row["password_hash"] is not None,
        second_factor=row["totp_secret"] is not None,
        wishes={notice: tuple(channels) for notice, channels in row["wishes"].items()},
        identity=Identity(row["identity_kind"], row["identity_value"]),
        abroad=row["abroad"],
        phone=row["phone"],
    )


def session_of(row: Mapping[str, Any]) -> Session:
    """A row of `panel_session`."""
    names = ("id", "user_id", "created_at", "seen_at", "ends_at", "agent", "address")
    return Session(**{name: row[name] for name in names})


def registration_of(row: Mapping[str, Any]) -> Registration:
    """A row of `registration`."""
    return Registration(**{name: row[name] for name in Registration.__dataclass_fields__})


def is_active(directory: Directory, row: Mapping[str, Any] | None) -> bool:
    """Whether this person may be here at all: neither they nor their tenant is switched off."""
    if row is None or not row["enabled"]:
        return False
    if row["tenant_id"] == NO_TENANT:
        return bool(row["role"] == "operator")
    tenant = directory.tenants.get(row["tenant_id"])
    return tenant is not None and tenant.enabled and row["role"] != "operator"


def label_of(directory: Directory, row: Mapping[str, Any]) -> str:
    """What reports of `apply` and the audit log call a person: a row of `user_account`."""
    if row["tenant_id"] == NO_TENANT:
        return f"operators[{row['mail']}]"
    tenant = directory.tenants.get(row["tenant_id"])
    return f"tenants[{'?' if tenant is None else tenant.name}].users[{row['mail']}]"


# Units that lock what is somebody's name it in this order: links, sessions, the person. No two of them wait
# for each other, on however many nodes.


def sessions(user_id: Id) -> Match:
    """Everything that somebody is signed in with."""
    return Match("panel_session", ("user_id",), (user_id,))


def links(user_id: Id) -> Match:
    """Every link of somebody's."""
    return Match("one_time_link", ("user_id",), (user_id,))


def open_session(rows: Rows, user: Mapping[str, Any], fresh: Fresh) -> SignedIn:
    """A session for this person; the unit's result, as a rule."""
    row = {
        "hash": token_hash(fresh.token),
        "id": fresh.id,
        "tenant_id": user["tenant_id"],
        "user_id": user["id"],
        "created_at": fresh.now,
        "seen_at": fresh.now,
        "ends_at": fresh.now + LONGEST,
        "agent": _line(fresh.visit.agent, AGENT_MOST),
        "address": _line(fresh.visit.address, ADDRESS_MOST),
    }
    rows.inserts.append(("panel_session", row))
    return SignedIn(fresh.token, user_of(user), session_of(row))


def end_sessions(rows: Rows, state: State, user_id: Id) -> None:
    """All of somebody's sessions are over; `sessions(user_id)` was read."""
    for row in state.find(sessions(user_id)):
        rows.delete("panel_session", (row["hash"],))


def link_row(person: Mapping[str, Any], kind: LinkKind, token: str, now: Micros) -> Row:
    """A row of `one_time_link` for this person."""
    return {
        "hash": token_hash(token),
        "tenant_id": person["tenant_id"],
        "user_id": person["id"],
        "kind": kind,
        "created_at": now,
        "expires_at": now + LINK_LIFE[kind],
    }


def opens(link: Mapping[str, Any], person: Mapping[str, Any], now: Micros) -> bool:
    """Whether a link is this person's, not used, and its time not over."""
    same: bool = link["user_id"] == person["id"]
    return same and link["used_at"] is None and link["expires_at"] > now


def mailed_lately(state: State, user_id: Id, now: Micros) -> int:
    """How many links that set a password somebody was mailed within the hour; `links(user_id)` was read."""
    made = (row for row in state.find(links(user_id)) if row["created_at"] > now - HOUR)
    return sum(1 for row in made if row["kind"] == "password")


def void_links(rows: Rows, state: State, user_id: Id, now: Micros) -> None:
    """No link of theirs opens anything any more; `links(user_id)` was read."""
    for row in state.find(links(user_id)):
        if row["used_at"] is None:
            rows.update("one_time_link", (row["hash"],), used_at=now)


def gone() -> Refusal:
    """For who was there a moment ago."""
    return Refusal("unauthorized", "sign in again")


def _line(text: str, most: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:most]).strip()
