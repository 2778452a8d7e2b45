"""The command_status of SMPP 3.4 (5.1.3): names, meanings, and what each one means for trying again."""

from enum import StrEnum
from typing import Final, NamedTuple


class Verdict(StrEnum):
    """What a status says about the request that it answers."""

    OK = "ok"
    TEMPORARY = "temporary"  # this request may work later
    THROTTLING = "throttling"  # temporary, and the whole bind is to slow down
    PERMANENT = "permanent"  # the same request will fail again


class Status(NamedTuple):
    """One row of the table: the specification's name, its meaning, our verdict."""

    name: str
    meaning: str
    verdict: Verdict


ROK: Final = 0x00000000
RINVMSGLEN: Final = 0x00000001
RINVCMDLEN: Final = 0x00000002
RINVCMDID: Final = 0x00000003
RINVBNDSTS: Final = 0x00000004
RALYBND: Final = 0x00000005
RSYSERR: Final = 0x00000008
RINVSRCADR: Final = 0x0000000A
RINVDSTADR: Final = 0x0000000B
RINVMSGID: Final = 0x0000000C
RBINDFAIL: Final = 0x0000000D
RINVPASWD: Final = 0x0000000E
RINVSYSID: Final = 0x0000000F
RCANCELFAIL: Final = 0x00000011
RMSGQFUL: Final = 0x00000014
RINVESMCLASS: Final = 0x00000043
RSUBMITFAIL: Final = 0x00000045
RTHROTTLED: Final = 0x00000058
RX_T_APPN: Final = 0x00000064
RX_P_APPN: Final = 0x00000065
RX_R_APPN: Final = 0x00000066
RQUERYFAIL: Final = 0x00000067
RINVOPTPARSTREAM: Final = 0x000000C0
ROPTPARNOTALLWD: Final = 0x000000C1
RUNKNOWNERR: Final = 0x000000FF

_T, _P, _SLOW = Verdict.TEMPORARY, Verdict.PERMANENT, Verdict.THROTTLING

STATUSES: Final = {
    ROK: Status("ESME_ROK", "no error", Verdict.OK),
    RINVMSGLEN: Status("ESME_RINVMSGLEN", "message length is invalid", _P),
    RINVCMDLEN: Status("ESME_RINVCMDLEN", "command length is invalid", _P),
    RINVCMDID: Status("ESME_RINVCMDID", "invalid command id", _P),
    # The bind is in the wrong state, the message is not at fault: it may go over the next bind.
    RINVBNDSTS: Status("ESME_RINVBNDSTS", "incorrect bind status for given command", _T),
    RALYBND: Status("ESME_RALYBND", "already in bound state", _T),
    0x06: Status("ESME_RINVPRTFLG", "invalid priority flag", _P),
    0x07: Status("ESME_RINVREGDLVFLG", "invalid registered delivery flag", _P),
    RSYSERR: Status("ESME_RSYSERR", "system error", _T),
    RINVSRCADR: Status("ESME_RINVSRCADR", "invalid source address", _P),
    RINVDSTADR: Status("ESME_RINVDSTADR", "invalid destination address", _P),
    RINVMSGID: Status("ESME_RINVMSGID", "message id is invalid", _P),
    RBINDFAIL: Status("ESME_RBINDFAIL", "bind failed", _T),
    RINVPASWD: Status("ESME_RINVPASWD", "invalid password", _P),
    RINVSYSID: Status("ESME_RINVSYSID", "invalid system id", _P),
    RCANCELFAIL: Status("ESME_RCANCELFAIL", "cancel_sm failed", _P),
    0x13: Status("ESME_RREPLACEFAIL", "replace_sm failed", _P),
    RMSGQFUL: Status("ESME_RMSGQFUL", "message queue full", _SLOW),
    0x15: Status("ESME_RINVSERTYP", "invalid service type", _P),
    0x33: Status("ESME_RINVNUMDESTS", "invalid number of destinations", _P),
    0x34: Status("ESME_RINVDLNAME", "invalid distribution list name", _P),
    0x40: Status("ESME_RINVDESTFLAG", "destination flag is invalid", _P),
    0x42: Status("ESME_RINVSUBREP", "invalid submit with replace request", _P),
    RINVESMCLASS: Status("ESME_RINVESMCLASS", "invalid esm_class", _P),
    0x44: Status("ESME_RCNTSUBDL", "cannot submit to distribution list", _P),
    RSUBMITFAIL: Status("ESME_RSUBMITFAIL", "submit_sm failed", _P),
    0x48: Status("ESME_RINVSRCTON", "invalid source TON", _P),
    0x49: Status("ESME_RINVSRCNPI", "invalid source NPI", _P),
    0x50: Status("ESME_RINVDSTTON", "invalid destination TON", _P),
    0x51: Status("ESME_RINVDSTNPI", "invalid destination NPI", _P),
    0x53: Status("ESME_RINVSYSTYP", "invalid system type", _P),
    0x54: Status("ESME_RINVREPFLAG", "invalid replace_if_present flag", _P),
    0x55: Status("ESME_RINVNUMMSGS", "invalid number of messages", _P),
    RTHROTTLED: Status("ESME_RTHROTTLED", "throttling: message limits exceeded", _SLOW),
    0x61: Status("ESME_RINVSCHED", "invalid scheduled delivery time", _P),
    0x62: Status("ESME_RINVEXPIRY", "invalid validity period", _P),
    0x63: Status("ESME_RINVDFTMSGID", "predefined message invalid or not found", _P),
    RX_T_APPN: Status("ESME_RX_T_APPN", "receiver temporary application error", _T),
    RX_P_APPN: Status("ESME_RX_P_APPN", "receiver permanent application error", _P),
    RX_R_APPN: Status("ESME_RX_R_APPN", "receiver reject message", _P),
    RQUERYFAIL: Status("ESME_RQUERYFAIL", "query_sm failed", _P),
    RINVOPTPARSTREAM: Status("ESME_RINVOPTPARSTREAM", "error in the optional part of the PDU", _P),
    ROPTPARNOTALLWD: Status("ESME_ROPTPARNOTALLWD", "optional parameter not allowed", _P),
    0xC2: Status("ESME_RINVPARLEN", "invalid parameter length", _P),
    0xC3: Status("ESME_RMISSINGOPTPARAM", "expected optional parameter missing", _P),
    0xC4: Status("ESME_RINVOPTPARAMVAL", "invalid optional parameter value", _P),
    0xFE: Status("ESME_RDELIVERYFAILURE", "delivery failure", _P),
    RUNKNOWNERR: Status("ESME_RUNKNOWNERR", "unknown error", _T),
}


def classify(status: int) -> Verdict:
    """The verdict on a command_status.

    What the specification doesn't list (vendors' 0x400-0x4FF and reserved values) counts as permanent:
    a refusal that is shown beats a message that is tried until it expires.
    """
    row = STATUSES.get(status)
    return row.verdict if row else Verdict.PERMANENT


def status_name(status: int) -> str:
    """The specification's name, or `0x…` for a value that it doesn't list."""
    row = STATUSES.get(status)
    return row.name if row else f"0x{status:08x}"
