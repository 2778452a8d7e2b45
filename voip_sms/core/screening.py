"""Whether a message may be sent at all: who asks, to whom, and the rules that may stop it."""

from collections.abc import Callable, Iterable

from voip_sms.core import addresses
from voip_sms.core.addresses import Address
from voip_sms.core.directory import Account, Tenant
from voip_sms.core.failures import Refusal

Rule = Callable[[Account, Address, str], Refusal | None]
"""One reason not to send: (account, recipient, text) gives a Refusal, or None. Pure; it runs per message."""


def check_account(tenant: Tenant | None, account: Account) -> None:
    """Whoever is switched off sends nothing, by whatever door. Refusal `forbidden`."""
    if tenant is None or not tenant.enabled:
        raise Refusal("forbidden", "the customer's service is switched off")
    if not account.enabled:
        raise Refusal("forbidden", "the account is switched off")


def recipient(typed: str, country: str) -> Address:
    """The number that was typed, if it can and may take an SMS.

    Refusal `recipient_invalid` or `recipient_forbidden`.
    """
    return addresses.recipient(typed, country)


def check_rules(rules: Iterable[Rule], account: Account, to: Address, text: str) -> None:
    """Raise the Refusal of the first rule that objects."""
    for rule in rules:
        refusal = rule(account, to, text)
        if refusal is not None:
            raise refusal
