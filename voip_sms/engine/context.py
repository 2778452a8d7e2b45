"""What every use case works with: the database, the configuration in force, time, ids, chance, counters."""

from collections.abc import Callable
from dataclasses import dataclass, field

from voip_sms.core.clock import Clock
from voip_sms.core.directory import Directory, Id
from voip_sms.engine.metrics import Metrics
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Context:
    """Made once in `app/build.py`.

    `new_id` is safe in any thread (`core/ids.py`); `chance` is random in [0, 1); `node` names this process
    in claims, and stays the same over restarts: what it held when it died is its own to clear up.
    """

    writer: Writer
    reader: Reader
    directory: Callable[[], Directory]
    clock: Clock
    new_id: Callable[[], Id]
    chance: Callable[[], float]
    node: str = "main"
    metrics: Metrics = field(default_factory=Metrics)
