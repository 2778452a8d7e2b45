"""Looks at everything the service needs before it needs it; changes nothing."""

from voip_sms.app.doctor.examination import Options, examine
from voip_sms.app.doctor.findings import Finding, State

__all__ = ["Finding", "Options", "State", "examine"]
