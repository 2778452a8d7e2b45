"""People who sign in at the panel, as `apply` names them: a tenant's, and the operator's own."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from voip_sms.core import passwords
from voip_sms.core.resources.values import MailAddress, Resource, Title, complaint


class OperatorPerson(Resource):
    """Somebody of the operator's; of `password` only a hash is kept.

    Without one there is nothing to sign in with: `voip-sms user link` prints a link that sets it.
    """

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("name",)

    mail: MailAddress
    name: Title | None = None
    language: Literal["en", "pl"] = "en"
    password: str | None = Field(default=None, repr=False)
    enabled: bool = True

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.password is not None:
            try:
                passwords.check(self.password, self.mail, self.name or "")
            except passwords.PasswordUnfitError as error:
                raise complaint(str(error)) from None
        return self


class Person(OperatorPerson):
    """Somebody of a tenant's: its administrator, or a user."""

    role: Literal["admin", "user"] = "user"
