"""When a hand-over that failed for now is tried again: one schedule per kind of target."""

from dataclasses import dataclass
from typing import Final

from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits between attempts, in microseconds: `waits[n-1]` follows the n-th failure.

    With `repeats` the last wait goes on until `lasts` or the message's own expiry is over; without, the
    failure after the last wait is final. `jitter` is the most by which a wait grows, as a fraction of it, so
    that what failed together does not come back together. `lasts` counts from the first attempt's due time.
    """

    waits: tuple[int, ...]
    repeats: bool
    jitter: float
    lasts: int | None = None

    @property
    def tries(self) -> int | None:
        """How many attempts there are in all; None: as many as fit before the expiry."""
        return None if self.repeats else len(self.waits) + 1

    def wait(self, failures: int, chance: float) -> int | None:
        """How long to wait after so many failures (from 1); None: give up. `chance` is random in [0, 1)."""
        if failures > len(self.waits) and not self.repeats:
            return None
        wait = self.waits[min(failures, len(self.waits)) - 1]
        return wait + int(wait * self.jitter * chance)

    def next_at(
        self, failures: int, now: int, chance: float, *, expires_at: int, asked: int = 0
    ) -> int | None:
        """When to try again, epoch microseconds; None: give up, no attempt fits before `expires_at`.

        `asked` is how long the peer asked us to wait (Retry-After), microseconds; it only ever lengthens.
        """
        wait = self.wait(failures, chance)
        if wait is None:
            return None
        at = now + max(wait, asked)
        return at if at < expires_at else None


# A carrier that stumbles is back in seconds; one that was down wakes its parts itself when it binds.
CARRIER: Final = Schedule(
    (5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE),
    repeats=True,
    jitter=0.2,
)
# `docs/contract.md`: after 30 s, 1, 2, 5 min and so on until expiry; a REGISTER makes it due at once.
PHONE: Final = Schedule(
    (30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    repeats=True,
    jitter=0.1,
    lasts=7 * DAY,
)
# Standard Webhooks, "Deliverability and reliability": ten attempts over three days and some hours.
WEBHOOK: Final = Schedule(
    (
        5 * SECOND,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    ),
    repeats=False,
    jitter=0.1,
)
# RFC 5321 section 4.5.4.1: intervals of half an hour and more after the first ones, giving up after 4-5 days.
MAIL: Final = Schedule(
    (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
    repeats=True,
    jitter=0.1,
    lasts=5 * DAY,
)
