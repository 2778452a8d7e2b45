"""People made and changed by administrators: a company's by its own, everybody by the operator."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from voip_sms.core.directory import NO_TENANT, Directory, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.people import LINK_LIFE, Role, User
from voip_sms.core.resources import InvalidError
from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.identities import Identity
from voip_sms.core.resources.people import NewUser, UserPatch
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.seen import seen_of
from voip_sms.engine.context import Context
from voip_sms.engine.generation import GENERATION, tell
from voip_sms.engine.people import mails
from voip_sms.engine.people.noting import Notes, by_person
from voip_sms.engine.people.rows import (
    MAILS_AN_HOUR,
    end_sessions,
    gone,
    is_active,
    link_row,
    links,
    mailed_lately,
    sessions,
    user_of,
    void_links,
)
from voip_sms.engine.people.tokens import Random, new_token
from voip_sms.store import people as stored
from voip_sms.store.units import Match, Row, Rows, State, Unit, by_key

_ROLES: Final[Mapping[bool, frozenset[Role]]] = {
    True: frozenset({"operator"}),  # of those of no tenant
    False: frozenset({"admin", "user"}),
}


class Users:
    """Who may do what is decided in the writer, by what the one who asks is at that moment.

    A company's administrators look after their own people, where the operator switched that on
    (`self_service`); operators after everybody. Nobody changes their own role or switches themselves off, and
    a company keeps one administrator. Refusal `forbidden`, `not_found` (also another company's), `conflict`.
    """

    def __init__(self, context: Context, random: Random, *, panel: str) -> None:
        """`panel`: the panel's address, without a slash at the end."""
        self._context = context
        self._random = random
        self._panel = panel

    async def list(self, actor: User, tenant_id: Id) -> Sequence[User]:
        """A tenant's people, or with NO_TENANT the operator's, by address."""
        _allow(self._context.directory(), {"role": actor.role, "tenant_id": actor.tenant_id}, tenant_id)
        rows = await self._context.reader.run(stored.people_of, tenant_id)
        return [user_of(row) for row in rows]

    async def create(self, actor: User, tenant_id: Id, new: NewUser) -> User:
        """Make somebody, and mail them a link that sets their password."""
        if new.role not in _ROLES[tenant_id == NO_TENANT]:
            raise Refusal("invalid", f"nobody is {new.role} there")
        context, directory = self._context, self._context.directory()
        _usable(directory, tenant_id, new.identity)
        token, now = new_token(self._random), context.clock.now()
        row = _new_row(new, tenant_id, context.new_id(), now)
        until = now + LINK_LIFE["password"]
        opening = mails.Opening(mails.link_url(self._panel, token), until)
        stamp = mails.Stamp(now, context.new_id(), tenant_id)
        same = Match("user_account", ("mail",), (new.mail,))

        def decide(state: State) -> Rows:
            asking = _asking(directory, state, actor)
            _allow(directory, asking, tenant_id)
            if state.find(same):
                raise Refusal("conflict", "somebody signs in with this address already")
            rows = Rows(user_of(row))
            rows.inserts.append(("user_account", row))
            tell(rows, state)
            rows.inserts.append(("one_time_link", link_row(row, "password", token, now)))
            job = mails.invitation(row, opening, stamp, asking["name"])
            rows.inserts.append(("forward_job", job))
            rows.wakes.add(mails.WAKES)
            Notes(rows, context, by_person(actor)).added(row)
            return rows

        reads = [GENERATION, by_key("user_account", actor.id), same]
        try:
            made: User = await context.writer.do(Unit(decide, reads))
        except IntegrityError:
            raise Refusal("conflict", "somebody signs in with this address already") from None
        return made

    async def invite(self, actor: User, tenant_id: Id, user_id: Id) -> User:
        """Mail somebody once more a link that sets their password; earlier ones stay good.

        Refusal `rate_limited`: they had enough within the hour; `conflict`: they are switched off.
        """
        context, directory = self._context, self._context.directory()
        token, now = new_token(self._random), context.clock.now()
        until = now + LINK_LIFE["password"]
        opening = mails.Opening(mails.link_url(self._panel, token), until)
        stamp = mails.Stamp(now, context.new_id(), tenant_id)

        def decide(state: State) -> Rows:
            asking = _asking(directory, state, actor)
            _allow(directory, asking, tenant_id)
            person = _theirs(state, tenant_id, user_id)
            if not is_active(directory, person):
                raise Refusal("conflict", "whoever is switched off gets no link")
            if mailed_lately(state, user_id, now) >= MAILS_AN_HOUR:
                raise Refusal("rate_limited", "they were mailed enough links within the hour")
            rows = Rows(user_of(person))
            rows.inserts.append(("one_time_link", link_row(person, "password", token, now)))
            job = mails.invitation(person, opening, stamp, asking["name"])
            rows.inserts.append(("forward_job", job))
            rows.wakes.add(mails.WAKES)
            Notes(rows, context, by_person(actor)).beside(person, "added", "links", "password")
            return rows

        people = dict.fromkeys((user_id, actor.id))
        reads = [links(user_id), *(by_key("user_account", one) for one in people)]
        invited: User = await context.writer.do(Unit(decide, reads))
        return invited

    async def change(
        self, actor: User, tenant_id: Id, user_id: Id, patch: UserPatch, *, seen: str = ""
    ) -> User:
        """Change somebody; with another role, or when switched off, their sessions end with the commit.

        `seen`: `sight` of them when the form was opened; Refusal `conflict` if they are not that any more.
        """
        wanted = _columns(patch)
        directory = self._context.directory()
        _usable(directory, tenant_id, patch.identity)
        colleagues = Match("user_account", ("tenant_id",), (tenant_id,))

        def decide(state: State) -> Rows:
            asking = _asking(directory, state, actor)
            _allow(directory, asking, tenant_id)
            person = _theirs(state, tenant_id, user_id)
            if seen and seen != sight(user_of(person)):
                raise Refusal("conflict", "somebody changed it meanwhile")
            changes = {name: value for name, value in wanted.items() if person[name] != value}
            rows = Rows(user_of({**person, **changes}))
            if not changes:
                return rows
            _check(asking, person, changes, state.find(colleagues))
            rows.update("user_account", (user_id,), **changes)
            if not changes.keys().isdisjoint({"role", "enabled"}):
                end_sessions(rows, state, user_id)
                void_links(rows, state, user_id, self._context.clock.now())
            if changes.keys() != {"name"}:
                tell(rows, state)
            Notes(rows, self._context, by_person(actor)).changed(person, changes)
            return rows

        reads = [GENERATION, links(user_id), sessions(user_id), colleagues]
        if actor.tenant_id != tenant_id:  # else among them: two who demote each other lock in one order
            reads.append(by_key("user_account", actor.id))
        changed: User = await self._context.writer.do(Unit(decide, reads))
        return changed


def sight(user: User) -> str:
    """A digest of what administrators see and change of somebody."""
    shown = (user.name, user.role, user.language, user.enabled, user.abroad)
    return seen_of({"user": [*shown, user.identity.kind, user.identity.value]})


def _theirs(state: State, tenant_id: Id, user_id: Id) -> Mapping[str, Any]:
    person = state.get("user_account", user_id)
    if person is None or person["tenant_id"] != tenant_id:
        raise Refusal("not_found", "there is no such person")
    return person


def _new_row(new: NewUser, tenant_id: Id, user_id: Id, now: int) -> Row:
    row = {**kinds.DEFAULTS["user_account"], **_columns(new), "enabled": True}
    return {**row, "id": user_id, "tenant_id": tenant_id, "created_at": now}


def _columns(given: NewUser | UserPatch) -> Row:
    """What is said, as columns."""
    columns = given.model_dump(exclude_none=True, exclude={"identity"})
    if given.identity is not None:
        columns |= {"identity_kind": given.identity.kind, "identity_value": given.identity.value}
    return columns


def _usable(directory: Directory, tenant_id: Id, identity: Identity | None) -> None:
    """Whether there is what somebody of this tenant shall send as: InvalidError."""
    if identity is None or not identity.value:
        return
    number = directory.numbers.get(identity.value)
    there = {
        "number": number is not None and number.tenant_id == tenant_id,
        "name": (tenant_id, identity.value) in directory.names or (None, identity.value) in directory.names,
        "2way": identity.value in directory.pools,
        "random": identity.value in directory.pools,
    }
    if not there[identity.kind]:
        raise InvalidError([Complaint(("identity", "value"), "there is no such sender")])


def _asking(directory: Directory, state: State, actor: User) -> Mapping[str, Any]:
    """Whoever asks, as they are now."""
    person = state.get("user_account", actor.id)
    if person is None or not is_active(directory, person):
        raise gone()
    return person


def _allow(directory: Directory, asking: Mapping[str, Any], tenant_id: Id) -> None:
    """Whether these are theirs to look after."""
    tenant = directory.tenants.get(tenant_id)
    if tenant is None and tenant_id != NO_TENANT:
        raise Refusal("not_found", "there is no such customer")
    if asking["role"] == "operator":
        return
    if asking["tenant_id"] != tenant_id:
        raise Refusal("not_found", "there is no such customer")
    if asking["role"] != "admin":
        raise Refusal("forbidden", "this is for administrators")
    if tenant is None or not tenant.self_service:
        raise Refusal("forbidden", "the operator looks after the people of this company")


def _check(
    asking: Mapping[str, Any],
    person: Mapping[str, Any],
    changes: Mapping[str, Any],
    colleagues: Sequence[Mapping[str, Any]],
) -> None:
    """Whether this change may be."""
    raises = not changes.keys().isdisjoint({"role", "enabled"})
    if raises and asking["id"] == person["id"]:
        raise Refusal("forbidden", "nobody changes their own role or switches themselves off")
    if changes.get("role", person["role"]) not in _ROLES[person["tenant_id"] == NO_TENANT]:
        raise Refusal("invalid", f"nobody is {changes['role']} there")
    top: Role = "operator" if person["tenant_id"] == NO_TENANT else "admin"
    left = [one for one in colleagues if one["id"] != person["id"] and _is(top, one)]
    if raises and _is(top, person) and not left and not _is(top, {**person, **changes}):
        raise Refusal("conflict", "somebody must stay who administers this")


def _is(role: Role, person: Mapping[str, Any]) -> bool:
    return bool(person["role"] == role and person["enabled"])
