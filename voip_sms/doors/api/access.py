"""Who asks: the API key of a request, and whether it may do this."""

from math import ceil
from typing import Final

from voip_sms.core.directory import OPERATOR, Account
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.ports import Credentials
from voip_sms.net.http.source import Asking, Proxies, source_of

MESSAGES: Final = frozenset({"messages"})
ADMIN: Final = frozenset({"admin"})
ACCOUNTS: Final = frozenset({"accounts"})
SENDING: Final = MESSAGES | ACCOUNTS
"""In the key's own name, or in that of SIP accounts."""
ANY: Final = MESSAGES | ADMIN
"""Either will do: what both kinds of program need to know."""
OPERATORS: Final = frozenset({OPERATOR})
"""What is nobody's or everybody's."""


class Access:
    """Reads `Authorization: Bearer …` (RFC 6750 section 2.1)."""

    def __init__(self, credentials: Credentials, guesses: Guesses, proxies: Proxies = ()) -> None:
        """`proxies`: whose word counts for where a request comes from."""
        self._credentials = credentials
        self._guesses = guesses
        self._proxies = proxies

    def account(self, request: Asking, scopes: frozenset[str]) -> Account:
        """The key's account, if it has one of `scopes`.

        Refusal `unauthorized`, `rate_limited` after too many wrong keys from one address, `forbidden`.
        """
        header = request.headers.get("authorization")
        if header is None:
            raise Refusal("unauthorized", "send the header Authorization: Bearer <API key>")
        scheme, _, token = header.partition(" ")
        account = self._credentials.api_key(token.strip()) if scheme.lower() == "bearer" else None
        if account is None:
            raise self._wrong(request)
        if scopes.isdisjoint(account.scopes):
            needed = " or ".join(sorted(scopes))
            raise Refusal("forbidden", f"this API key lacks the scope {needed}")
        return account

    def _wrong(self, request: Asking) -> Refusal:
        wait = ceil(self._guesses.wrong(source_of(request, self._proxies)))
        if wait:
            return Refusal("rate_limited", "too many wrong API keys from here", {"retry_after": wait})
        return Refusal("unauthorized", "there is no such API key")
