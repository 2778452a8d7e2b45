"""What the operator's pages talk to."""

from dataclasses import dataclass

from voip_sms.engine.health import Examination
from voip_sms.engine.names import Names
from voip_sms.engine.network import Network
from voip_sms.engine.quarantine import Quarantine
from voip_sms.engine.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Operating:
    """Wired in `app/operating.py`."""

    network: Network
    names: Names
    quarantine: Quarantine
    traffic: Traffic
    examination: Examination
