"""The queue of deliver_sm: waits for a receiver, keeps to its window, tries again within bounds."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

import structlog

from voip_sms.simulator.settings import SimulatorSettings
from voip_sms.wire.smpp.status import ROK, Verdict, classify, status_name

log = structlog.get_logger(__name__)

# Some seconds of receipts at full speed; beyond it submits are answered ESME_RMSGQFUL.
MAX_WAITING: Final = 100_000
# The delay between tries doubles up to this many times the first one.
_SLOWEST: Final = 10


class QueueFullError(Exception):
    """MAX_WAITING are waiting already."""


class Delivery:
    """One encoded deliver_sm (sequence 0) and how often it was sent."""

    __slots__ = ("attempts", "frame")

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.attempts = 0


class Receiver(Protocol):
    """A bind that takes deliver_sm."""

    def free(self) -> int:
        """How many more it may have outstanding now."""
        ...

    def deliver(self, delivery: Delivery) -> None:
        """Send it; the answer, or none, goes to `answered`, `timed_out` or `detach`."""
        ...


class Deliveries:
    """First come, first served, over all receivers, to the one with most room."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._max_attempts = settings.max_attempts
        self._delay = settings.retry_delay
        self._waiting: deque[Delivery] = deque()
        self._receivers: list[Receiver] = []
        self._retries: set[asyncio.TimerHandle] = set()

    @property
    def room(self) -> int:
        """How many more may wait."""
        return MAX_WAITING - len(self._waiting) - len(self._retries)

    @property
    def waiting(self) -> int:
        """How many wait for a receiver, or for their next try."""
        return len(self._waiting) + len(self._retries)

    def add(self, frames: Iterable[bytes]) -> None:
        """Queue deliver_sm frames, and send what can be sent at once."""
        self._waiting.extend(map(Delivery, frames))
        self.pump()

    def attach(self, receiver: Receiver) -> None:
        """A receiver was bound."""
        self._receivers.append(receiver)
        self.pump()

    def detach(self, receiver: Receiver, unanswered: Iterable[Delivery]) -> None:
        """A receiver is gone; what it didn't answer goes first to the next one."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)
        self._waiting.extendleft(reversed([one for one in unanswered if self._may_retry(one)]))
        self.pump()

    def answered(self, delivery: Delivery, status: int) -> None:
        """deliver_sm_resp came: done, or tried again later if the error is temporary."""
        if status != ROK:
            if classify(status) is Verdict.PERMANENT:
                log.warning("deliver_refused", status=status_name(status))
            else:
                self._retry(delivery)
        self.pump()

    def timed_out(self, delivery: Delivery) -> None:
        """No deliver_sm_resp in time."""
        self._retry(delivery)
        self.pump()

    def pump(self) -> None:
        """Send as much as windows allow. Call it whenever one may have room again."""
        while self._waiting and self._receivers:
            best = self._receivers[0]
            if len(self._receivers) > 1:
                best = max(self._receivers, key=_room)
            room = best.free()
            if room <= 0:
                return
            delivery = self._waiting.popleft()
            delivery.attempts += 1
            best.deliver(delivery)

    def stop(self) -> None:
        """Forget the retries that wait for their time."""
        for handle in self._retries:
            handle.cancel()
        self._retries.clear()

    def _may_retry(self, delivery: Delivery) -> bool:
        if delivery.attempts < self._max_attempts:
            return True
        log.warning("deliver_given_up", attempts=delivery.attempts)
        return False

    def _retry(self, delivery: Delivery) -> None:
        if not self._may_retry(delivery):
            return
        delay = self._delay * min(2 ** (delivery.attempts - 1), _SLOWEST)

        def again() -> None:
            self._retries.discard(handle)
            self._waiting.appendleft(delivery)
            self.pump()

        handle = asyncio.get_running_loop().call_later(delay, again)
        self._retries.add(handle)


def _room(receiver: Receiver) -> int:
    return receiver.free()
