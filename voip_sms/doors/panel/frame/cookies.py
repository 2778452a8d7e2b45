"""The panel's cookies: how they are called, read, given and taken away."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from aiohttp import web

from voip_sms.core.clock import DAY, SECOND
from voip_sms.core.people import LONGEST

CookieName = Literal["sms", "sms-guest", "sms-notice", "sms-language"]
"""The session · what a form of somebody signed out is bound to · what the next page says once · language."""
_SECONDS: Final[dict[CookieName, int]] = {
    "sms": LONGEST // SECOND,
    "sms-guest": LONGEST // SECOND,  # as long as a form may stay open
    "sms-notice": 60,  # the next page comes at once, or never
    "sms-language": 365 * DAY // SECOND,
}
_LONGEST: Final = 2048
"""Characters of a value that are looked at: the longest of ours is a notice."""
_PREFIX: Final = "__Host-"
"""The browser then takes it over https only, for this host, from this host (RFC 6265bis section 4.1.3)."""


@dataclass(slots=True)
class Cookies:
    """Those of one request, and what its answer changes. `secure`: people reach us by https."""

    request: web.Request
    secure: bool
    _changed: dict[CookieName, str | None] = field(default_factory=dict, repr=False)

    def get(self, name: CookieName) -> str:
        """As the browser sent it, or as it was set meanwhile; "" for none."""
        if name in self._changed:
            return self._changed[name] or ""
        value = self.request.cookies.get(self._called(name), "")
        return value if len(value) <= _LONGEST else ""

    def set(self, name: CookieName, value: str) -> None:
        """With the answer."""
        self._changed[name] = value

    def drop(self, name: CookieName) -> None:
        """With the answer, if the browser has it."""
        if self._called(name) in self.request.cookies:
            self._changed[name] = None
        else:
            self._changed.pop(name, None)

    def write(self, response: web.StreamResponse) -> None:
        """Put the changes on the answer."""
        for name in get_args(CookieName):
            if name not in self._changed:
                continue
            value = self._changed[name]
            response.set_cookie(
                self._called(name),
                value or "",
                max_age=_SECONDS[name] if value is not None else 0,
                path="/",
                httponly=True,
                samesite="Lax",
                secure=self.secure,
            )

    def _called(self, name: CookieName) -> str:
        return _PREFIX + name if self.secure else name
