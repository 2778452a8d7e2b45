"""How fast a link may submit: parts a second, and the pause after a carrier said it is too much."""

import asyncio
from collections.abc import Callable
from typing import Final

from voip_sms.net.reconnect import BackOff

UNLIMITED: Final = 1 << 30
BURST_SECONDS: Final = 0.1
"""A tenth of a second's worth may leave at once: smooth for the carrier, few wake-ups for us."""
THROTTLED: Final = BackOff(first=1.0, longest=30.0)


class Pace:
    """A token bucket in loop time; `freed` is called when tokens or the link come back."""

    def __init__(self, rate: int, freed: Callable[[], None]) -> None:
        """`rate` parts a second, 0 = no limit."""
        self._rate = rate
        self._freed = freed
        self._burst = max(1.0, rate * BURST_SECONDS)
        self._tokens = self._burst
        self._filled_at = 0.0
        self._paused_until = 0.0
        self._throttled = 0
        self._timer: asyncio.TimerHandle | None = None

    def allowed(self) -> int:
        """Parts that may leave now; when none may, `freed` will be called."""
        now = asyncio.get_running_loop().time()
        if now < self._paused_until:
            self._call_at(self._paused_until)
            return 0
        if not self._rate:
            return UNLIMITED
        self._fill(now)
        if self._tokens < 1:
            self._call_at(now + (1 - self._tokens) / self._rate)
            return 0
        return int(self._tokens)

    def took(self) -> None:
        """One part left."""
        if self._rate:
            self._tokens -= 1

    def throttle(self) -> None:
        """The carrier is overrun: pause the whole link, longer each time in a row."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            return  # answers to what had left before the pause
        self._paused_until = loop.time() + THROTTLED.delay(self._throttled, lambda: 1.0)
        self._throttled += 1
        self._call_at(self._paused_until)

    def recover(self) -> None:
        """The carrier took one."""
        self._throttled = 0

    def close(self) -> None:
        """No more calls."""
        if self._timer is not None:
            self._timer.cancel()

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    def _call_at(self, when: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.cancelled() or self._timer.when() <= loop.time():
            self._timer = loop.call_at(when + 0.001, self._freed)
