"""The calls of the PJSIP phone: made, answered and recorded in the phone's own process (see phone_worker.py).

In:  {"do": "call", "id", "to", "record"} · {"do": "press", "id", "digits"} · {"do": "hang_up", "id"}
     {"do": "answer", "record"}: whoever calls from now on is answered at once; `record` holds `{}` for the id
Out: {"event": "call", "id", "caller", "state": ringing | up | over, "status", "reason"}
     {"event": "answering"}
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pjsua2 as pj

OK: Final = 200
# RFC 4733 leaves the length of a key to us; people hold one for about 100 ms, and PBXs want at least 40.
KEY_MS: Final = 100
# Seconds that a recording may take to be closed; a tick of the clock is 20 ms.
CLOSED: Final = 2.0
_STATES: Final = {
    pj.PJSIP_INV_STATE_EARLY: "ringing",
    pj.PJSIP_INV_STATE_CONFIRMED: "up",
    pj.PJSIP_INV_STATE_DISCONNECTED: "over",
}

Emit = Callable[[dict[str, Any]], None]


class Call(pj.Call):  # type: ignore[misc]  # the binding has no types
    """One call. What it hears goes into a WAV file, which is whole once the call is over."""

    def __init__(self, account: pj.Account, name: str, record: str, emit: Emit, *number: int) -> None:
        """`number` is PJSIP's for a call that came in."""
        super().__init__(account, *number)
        self.over = False
        self._name = name
        self._record = record
        self._emit = emit
        self._recorder: pj.AudioMediaRecorder | None = None
        self._last: dict[str, Any] | None = None
        self._give_up_at = 0.0

    def onCallState(self, prm: Any) -> None:  # noqa: N802  # the names are PJSIP's
        del prm
        info = self.getInfo()
        state = _STATES.get(info.state)
        if state is None:
            return
        event = {
            "event": "call",
            "id": self._name,
            "caller": info.remoteUri,
            "state": state,
            "status": info.lastStatusCode,
            "reason": info.lastReason,
        }
        if state != "over":
            self._emit(event)
            return
        self.over = True
        self._last = event
        self._give_up_at = time.monotonic() + (CLOSED if self._recorder is not None else 0)
        self._recorder = None  # the file is closed at the next tick of PJSIP's clock of sound

    @property
    def done(self) -> bool:
        return self.over and self._last is None

    def tell(self) -> None:
        """Say that it is over once the recording is whole."""
        if self._last is not None and (time.monotonic() >= self._give_up_at or _is_whole(self._record)):
            event, self._last = self._last, None
            self._emit(event)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        del prm
        info = self.getInfo()  # its parts live no longer than it does
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._connect(self.getAudioMedia(index))
                return

    def _connect(self, sound: Any) -> None:
        if self._recorder is None:
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(self._record)
        sound.startTransmit(self._recorder)
        # PJSIP sends keys between frames of sound: without any, the second key would wait for ever.
        pj.Endpoint.instance().audDevManager().getCaptureDevMedia().startTransmit(sound)

    def press(self, digits: str) -> None:
        """RFC 4733 events, one key after the other."""
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_RFC2833
        parameters.duration = KEY_MS
        parameters.digits = digits
        self.sendDtmf(parameters)

    def leave(self) -> None:
        if not self.over:
            self.hangup(pj.CallOpParam())

    def take(self) -> None:
        """Answer a call that came in."""
        parameters = pj.CallOpParam()
        parameters.statusCode = OK
        self.answer(parameters)


class Calls:
    """The calls of one account by name, kept until they are over: PJSIP frees what Python forgets."""

    def __init__(self, endpoint: pj.Endpoint, emit: Emit) -> None:
        self._endpoint = endpoint
        self._emit = emit
        self._quiet = False
        self._calls: dict[str, Call] = {}
        self._answer = ""
        self._came_in = 0

    def make(self, account: pj.Account, command: dict[str, Any]) -> None:
        self._prepare()
        call = self._calls[command["id"]] = Call(account, command["id"], command["record"], self._emit)
        call.makeCall(command["to"], pj.CallOpParam(True))  # with the account's defaults

    def answer_all(self, record: str) -> None:
        self._answer = record
        self._emit({"event": "answering"})

    def came_in(self, account: pj.Account, number: int) -> None:
        """Answer it, or let PJSIP refuse it as the busy phone that nobody sits at."""
        self._prepare()
        self._came_in += 1
        name = f"in {self._came_in}"
        call = Call(account, name, self._answer.format(self._came_in), self._emit, number)
        self._calls[name] = call
        if self._answer:
            call.take()
        else:
            call.leave()

    def press(self, name: str, digits: str) -> None:
        self._calls[name].press(digits)

    def hang_up(self, name: str) -> None:
        self._calls[name].leave()

    def poll(self) -> None:
        """What became known since."""
        for call in self._calls.values():
            call.tell()

    def close(self) -> None:
        for call in self._calls.values():
            with suppress(pj.Error):
                call.leave()
        self._calls.clear()

    def _prepare(self) -> None:
        if not self._quiet:
            # No machine need have a sound card; a clock of PJSIP's own moves the sound from now on.
            self._endpoint.audDevManager().setNullDev()
            self._quiet = True
        for name in [name for name, call in self._calls.items() if call.done]:
            del self._calls[name]


def _is_whole(recording: str) -> bool:
    """Whether a WAV file says how long it is: that is written last."""
    try:
        with Path(recording).open("rb") as file:
            head, size = file.read(8), file.seek(0, os.SEEK_END)
    except OSError:
        return False
    return int.from_bytes(head[4:], "little") == size - 8
