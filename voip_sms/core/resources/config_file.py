"""The file that `voip-sms apply` takes: everything with a tenant or a price, and carriers."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from voip_sms.core.resources.customers import OBJECTS, TENANTS, Tenant
from voip_sms.core.resources.network import Carrier, OneOfOperators, Pool, PriceList, Route
from voip_sms.core.resources.values import Resource, complaint

VERSION = 1


class ConfigFile(Resource):
    """Objects are found by their natural keys; absent ones stay, and so do fields that are left out."""

    SECTIONS: ClassVar[tuple[str, ...]] = (
        "operators",
        "carriers",
        "routes",
        "price_lists",
        "pools",
        "tenants",
    )

    version: int
    operators: Annotated[tuple[OneOfOperators, ...], Field(max_length=1000)] = ()
    carriers: Annotated[tuple[Carrier, ...], Field(max_length=1000)] = ()
    routes: Annotated[tuple[Route, ...], Field(max_length=OBJECTS)] = ()
    price_lists: Annotated[tuple[PriceList, ...], Field(max_length=1000)] = ()
    pools: Annotated[tuple[Pool, ...], Field(max_length=1000)] = ()
    tenants: Annotated[tuple[Tenant, ...], Field(max_length=TENANTS)] = ()

    @field_validator("version")
    @classmethod
    def _known(cls, value: int) -> int:
        if value != VERSION:
            raise complaint(f"this program reads version {VERSION}")
        return value
