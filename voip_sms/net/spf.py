"""Whether a domain lets an address send its mails (SPF, RFC 7208), by pyspf with our own lookups."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import spf

from voip_sms.net.dns import DnsUnavailableError, Kind
from voip_sms.net.lookups import Lookups, TooManyLookupsError

Result = Literal["pass", "fail", "temperror"]
"""`fail` is all that proves nothing: fail, softfail, neutral, none, permerror."""
_VOID: Final = 2
"""Names without records that a check may meet (RFC 7208 4.6.4)."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who hands a mail over. `sender` is MAIL FROM, "" for <>."""

    ip: str
    helo: str
    sender: str

    @property
    def domain(self) -> str:
        """The domain that SPF speaks about (RFC 7208 2.3, 2.4)."""
        return (self.sender.rpartition("@")[2] if self.sender else self.helo).lower().rstrip(".")


def check(client: Client, lookups: Lookups) -> Result:
    """Ask the domain of `client`. Never raises."""
    try:
        result = _Query(client, lookups).check()[0]
    except DnsUnavailableError:
        return "temperror"
    except Exception:  # noqa: BLE001 - what strangers wrote into the DNS may break the library: no proof
        return "fail"
    return result if result in ("pass", "temperror") else "fail"


class _Query(spf.query):  # type: ignore[misc] # pyspf has no types
    """pyspf's evaluation; only where it asks is ours, and that it never asks for explanations."""

    def __init__(self, client: Client, lookups: Lookups) -> None:
        super().__init__(i=client.ip, s=client.sender, h=client.helo, strict=True)
        self._lookups = lookups

    def dns(self, name: str, qtype: Kind, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002, FBT001, FBT002 - pyspf's own signature
        try:
            found = self._lookups.ask(str(name), qtype)
        except DnsUnavailableError as error:
            raise spf.TempError(str(error)) from error
        except TooManyLookupsError as error:
            raise spf.PermError("too many lookups") from error
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > _VOID:
                raise spf.PermError("too many names without records")
        return [(value,) for value in found] if qtype == "TXT" else list(found)

    def get_explanation(self, _spec: str) -> None:
        return None
