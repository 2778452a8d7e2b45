"""The reference of `apply` names every key that the models have, with its default, and no other."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voip_sms.core import clock
from voip_sms.core.resources import customers, forwards, network, people
from voip_sms.core.resources.values import span_text

OPERATE = Path(__file__).parents[2] / "docs" / "operate"
MODELS: Mapping[str, type[BaseModel]] = {
    "operators": network.Operator,
    "operators: people": people.OperatorPerson,
    "routes": network.Route,
    "price_lists": network.PriceList,
    "price_lists › rates": network.Rate,
    "pools": network.Pool,
    "tenants": customers.Tenant,
    "tenants › sender_names": customers.SenderName,
    "tenants › keys": customers.Key,
    "tenants › sip_accounts": customers.SipAccount,
    "tenants › mail_senders": customers.MailSender,
    "tenants › ivr_flows": customers.IvrFlow,
    "tenants › groups": customers.Group,
    "tenants › keywords": customers.Keyword,
    "tenants › numbers": customers.OwnNumber,
    "tenants › webhooks": forwards.Subscription,
    "tenants › blacklist": customers.BlockRule,
    "tenants › users": people.Person,
    "carriers": network.SmppCarrier,
}
# Defaults that the reference says in words.
IN_WORDS = {
    "webhooks.events": "the six of messages",
    "keys.scopes": "messages",
    "ivr_flows.identity": "needed",
    "identity": "default",
    "mail_limits": "none",
    "limits": "none",
}
ROW = re.compile(r"^\| \*{0,2}`(?P<key>\w+)`\*{0,2} \| (?P<default>[^|]*) \|", re.MULTILINE)


def table(heading: str) -> dict[str, str]:
    """Key and default of every row under a heading."""
    page = OPERATE / ("carriers.md" if heading == "carriers" else "configure.md")
    _, _, rest = page.read_text(encoding="utf-8").partition(f"\n### {heading}\n")
    section = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return {row["key"]: row["default"].strip("` ") for row in ROW.finditer(section)}


def default(heading: str, model: type[BaseModel], name: str, field: FieldInfo) -> str:
    """A default as the reference writes it."""
    for key in (f"{heading.rpartition(' ')[2]}.{name}", name):
        if key in IN_WORDS:
            return IN_WORDS[key]
    if field.is_required() or name in getattr(model, "CREATE_NEEDS", ()):
        return "needed"
    return written(name, field.default)


def written(name: str, value: object) -> str:
    """A value as YAML has it, and as people write money and spans."""
    if name.endswith("window") and isinstance(value, int) and value > clock.MINUTE:
        return span_text(value)
    if value == "" or name == "credit":
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value == ():
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("heading", MODELS)
def test_the_reference_is_what_the_models_say(heading: str) -> None:
    model = MODELS[heading]
    wanted = {name: default(heading, model, name, field) for name, field in model.model_fields.items()}
    assert table(heading) == wanted
