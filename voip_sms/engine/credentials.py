"""Says who somebody is, from the configuration in force; never waits."""

import hashlib
from collections.abc import Callable

from voip_sms.core.directory import Account, Directory, SipAccount

TOKEN_LIMIT = 512
"""Characters of a token worth hashing: ours have about 40."""


class DirectoryCredentials:
    """`ports.Credentials`. Tokens are known by their SHA-256 only, so that looking one up tells nothing."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        self._directory = directory

    def api_key(self, token: str) -> Account | None:
        """The account of a tenant's or an operator's key; None: unknown, or it or its tenant is off."""
        if len(token) > TOKEN_LIMIT:
            return None
        # The token itself is compared with nothing: what an attacker could time is the look-up of a digest,
        # whose octets he can't steer one by one.
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        directory = self._directory()
        operator = directory.operators.get(digest)
        if operator is not None:
            return operator if operator.enabled else None
        account = directory.keys.get(digest)
        return account if account is not None and _may(directory, account) else None

    def sip_account(self, user: str) -> SipAccount | None:
        """The SIP account with this user part, or None; disabled accounts and tenants are None."""
        directory = self._directory()
        found = directory.sip.get(user)
        return found if found is not None and _may(directory, found.account) else None


def _may(directory: Directory, account: Account) -> bool:
    tenant = directory.tenants.get(account.tenant_id)
    return account.enabled and tenant is not None and tenant.enabled
