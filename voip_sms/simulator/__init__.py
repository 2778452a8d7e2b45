"""The carrier simulator: an SMSC with virtual handsets and faults on demand, part of the product."""

from voip_sms.simulator.server import Simulator
from voip_sms.simulator.settings import SimulatorSettings

__all__ = ["Simulator", "SimulatorSettings"]
