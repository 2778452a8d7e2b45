"""Calls a number and puts it into a flow when it answers: a code that is read out."""

import re
from collections.abc import Mapping
from typing import Final

from voip_sms.doors.ivr.channels import PASSED
from voip_sms.net.ari import Ari

RINGING: Final = 45
"""Seconds that it may ring: a mailbox answers after 25."""
_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}", re.ASCII)


class NumberInvalidError(ValueError):
    """Nothing that a telephone could dial."""


async def call(ari: Ari, dial: str, flow: str, number: str, values: Mapping[str, str]) -> str:
    """Ring `number` at `dial` (`ivr.dial`); the channel's id. The call waits for nobody: ARI has it.

    `values` are what the flow `expects`, by name. In the flow, `caller` is the number called.
    NumberInvalidError, AriError.
    """
    if not _NUMBER.fullmatch(number):
        raise NumberInvalidError(f"{number!r} can't be dialled: digits, * and #, + at most in front")
    answer = await ari.call(
        "POST",
        "channels",
        params={
            "endpoint": dial.replace("{number}", number),
            "app": ari.app,
            "appArgs": f"flow,{flow},caller={number}",
            "timeout": str(RINGING),
        },
        body={"variables": {PASSED + name.upper(): value for name, value in values.items()}},
    )
    return str(answer["id"])
