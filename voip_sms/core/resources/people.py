"""People who sign in at the panel, as `apply` names them and forms fill them in; companies that register."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from voip_sms.core import passwords
from voip_sms.core.people import Language, Role
from voip_sms.core.resources.identities import DEFAULT_IDENTITY, Abroad, Identity
from voip_sms.core.resources.values import MailAddress, Resource, Title, Word, complaint


class OperatorPerson(Resource):
    """Somebody of the operator's; of `password` only a hash is kept.

    Without one there is nothing to sign in with: `voip-sms user link` prints a link that sets it.
    """

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("name",)

    mail: MailAddress
    name: Title | None = None
    language: Language = "en"
    password: str | None = Field(default=None, repr=False)
    enabled: bool = True

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.password is not None:
            try:
                passwords.check(passwords.prepared(self.password), self.mail, self.name or "")
            except passwords.PasswordUnfitError as error:
                raise complaint(str(error)) from None
        return self


class Person(OperatorPerson):
    """Somebody of a tenant's: its administrator, or a user."""

    role: Literal["admin", "user"] = "user"
    identity: Identity = DEFAULT_IDENTITY
    """What they send as from the panel."""
    abroad: Abroad = "2way"


class NewUser(Resource):
    """Somebody whom an administrator makes; a mail brings them the link that sets their password."""

    mail: MailAddress
    name: Title
    role: Role = "user"
    language: Language = "en"
    identity: Identity = DEFAULT_IDENTITY
    abroad: Abroad = "2way"


class UserPatch(Resource):
    """What an administrator changes of somebody; what is left out stays."""

    name: Title | None = None
    role: Role | None = None
    language: Language | None = None
    enabled: bool | None = None
    identity: Identity | None = None
    abroad: Abroad | None = None


class Asking(Resource):
    """The form of a company that asks to become a customer."""

    company: Title
    name: Title
    mail: MailAddress
    phone: Annotated[str, Field(max_length=32)] = ""
    tax_id: Annotated[str, Field(max_length=32)] = ""
    about: Annotated[str, Field(max_length=2_000)] = ""
    language: Language = "en"


class Approval(Resource):
    """What the operator decides: what the tenant is called, its prices, who looks after its people."""

    tenant: Title
    price_list: Word | None = None
    self_service: bool = True


class Refused(Resource):
    """Why a registration is refused; the company reads it."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
