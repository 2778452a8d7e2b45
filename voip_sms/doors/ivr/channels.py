"""What is done with a channel beside playing: taken, handed back to the dialplan, ended, found again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final

import structlog

from voip_sms.doors.ivr.events import Leave
from voip_sms.net.ari import Ari, AriError, AriRefusedError

log = structlog.get_logger(__name__)

PASSED: Final = "SMS_VAR_"
"""Before the name, in capital letters, of what the dialplan hands over to a flow."""
LIMIT: Final = "TIMEOUT(absolute)"
"""The dialplan's limit of a call while it is in a flow (dialplan/voip-sms-flow.conf), in case we die."""
AGAIN: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a channel is let go once more. Then we are cut off, and find it again when we are back."""
_NOT_FOUND: Final = 404
_NOT_OURS: Final = frozenset({_NOT_FOUND, 409, 412})
"""Asterisk's refusals when a channel has ended, or is in Stasis no longer."""
_TROUBLE: Final = 500


async def answer(ari: Ari, channel: str) -> None:
    """Take the call, if the dialplan has not. AriError."""
    await ari.post("channels", channel, "answer")


async def hand_back(ari: Ari, channel: str, leave: Leave) -> None:
    """Back to the dialplan, with these variables. Tried again for some seconds; never raises AriError.

    Elsewhere than where it came from nobody lifts the limit, which would cut off who was put through.
    """
    lifted = {LIMIT: "0"} if leave.context else {}
    for name, value in {**leave.variables, **lifted}.items():
        said = {"variable": name, "value": value}  # as the body: a URL may have 4096 octets
        await _insist(channel, partial(ari.call, "POST", "channels", channel, "variable", body=said))
    where = {"context": leave.context, "extension": leave.extension, "priority": str(leave.priority)}
    place = where if leave.context else {}
    await _insist(channel, partial(ari.post, "channels", channel, "continue", **place))


async def give_up(ari: Ari, channel: str, reason: str) -> None:
    """Back to the dialplan, told in two variables that the flow did not serve the caller, and why."""
    await hand_back(ari, channel, Leave("", "", 0, {"SMS_FLOW_STATUS": "failed", "SMS_FLOW_CODE": reason}))


async def hang_up(ari: Ari, channel: str) -> None:
    """End the call. Tried again for some seconds; never raises AriError."""
    await _insist(channel, partial(ari.delete, "channels", channel))


async def passed(ari: Ari, channel: str, names: Iterable[str]) -> dict[str, str]:
    """What the dialplan handed over as SMS_VAR_NAME, by `name`; what it didn't is left out. AriError."""
    found: dict[str, str] = {}
    for name in names:
        try:
            answer = await ari.get("channels", channel, "variable", variable=PASSED + name.upper())
        except AriRefusedError as error:
            if error.status != _NOT_FOUND:
                raise
        else:
            found[name] = str(answer["value"])
    return found


async def ours(ari: Ari) -> list[str]:
    """The channels that are in Stasis for our application now, whoever runs them. AriError."""
    return [str(channel["id"]) for channel in await ari.get("channels") if _is_ours(channel, ari.app)]


async def has_sound(ari: Ari, name: str) -> bool:
    """Whether the PBX has this sound; True where nobody can say."""
    try:
        await ari.get("sounds", name)
    except AriRefusedError as error:
        return error.status != _NOT_FOUND
    except AriError:
        return True
    return True


def _is_ours(channel: Any, app: str) -> bool:
    dialplan = channel.get("dialplan", {})
    return dialplan.get("app_name") == "Stasis" and str(dialplan.get("app_data", "")).split(",")[0] == app


async def _insist(channel: str, work: Callable[[], Awaitable[Any]]) -> None:
    """Else the caller would hear silence until the dialplan's own limit."""
    reason = ""
    for pause in (0.0, *AGAIN):
        await asyncio.sleep(pause)
        try:
            await work()
        except AriRefusedError as error:
            if error.status in _NOT_OURS:
                return
            reason = str(error)
            if error.status < _TROUBLE:
                break
        except AriError as error:
            reason = str(error)
        else:
            return
    log.error("ivr_channel_not_let_go", channel=channel, reason=reason)
