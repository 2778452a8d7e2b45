"""The course of one call through a flow: an event in, actions out, never a wait.

Keys count in `menu`, `gather` and `consent`, while the prompt plays and after it. Everywhere else, and while
an SMS is being stored, they are dropped: nobody confirms what was not asked yet.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Final

from voip_sms.doors.ivr import events, steps
from voip_sms.doors.ivr.events import Action, Call, Digit, Event, HungUp, Note, Played, Sent, TimedOut
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.knowledge import TEXT_LONGEST, Knowledge
from voip_sms.doors.ivr.orders import Orders
from voip_sms.doors.ivr.parts import CALLER, Prompts
from voip_sms.doors.ivr.steps import Branch, Consent, Gather, Menu, SendSms, SetValues, Step, Transfer
from voip_sms.doors.ivr.templates import TemplateFailedError

LONGEST_CALL: Final = 600.0
"""Seconds in a flow: whoever is not through by then holds the line for nothing."""

_KEYS: Final = frozenset("0123456789*#ABCD")
_DIGITS: Final = frozenset("0123456789")

Asking = Menu | Gather | Consent
Target = str | None
"""The step to go to; None: the call stays where it is."""


class _Phase(Enum):
    NEW = auto()
    PLAYING = auto()
    WAITING = auto()
    SENDING = auto()
    ENDED = auto()


class _UnforeseenError(Exception):
    """The call can't go on as the flow says; the text says why."""


class Machine:
    """One call. `begin` once, then `on` for each event, in order; what they return is done in order.

    It may be told anything at any time: what makes no sense now is ignored. After `ended` nothing is asked
    for any more. `step` is where the call is.
    """

    def __init__(
        self, flow: Flow, call: Call, now: Callable[[], datetime], mobile: Callable[[str], str]
    ) -> None:
        self.step = flow.start
        self._flow = flow
        self._call = call
        self._now = now
        self._known = Knowledge(flow, call, now, mobile)
        self._phase = _Phase.NEW
        self._actions: list[Action] = []
        self._until = 0.0
        self._heard = 0
        """How often the step's prompt was played."""
        self._keys = ""
        self._stray = ""
        """The key that some press after the last digit, though the digits were complete."""
        self._failed = False
        self._orders = Orders()

    @property
    def ended(self) -> bool:
        """Whether the call has left the flow."""
        return self._phase is _Phase.ENDED

    def begin(self) -> Sequence[Action]:
        """The call has come in."""
        if self._phase is _Phase.NEW:
            self._until = self._now().timestamp() + LONGEST_CALL
            self._run(lambda: self._flow.start)
        return self._taken()

    def on(self, event: Event) -> Sequence[Action]:
        """What to do now that this happened."""
        if isinstance(event, HungUp) and not self.ended:
            self._note("hung up")
            self._phase = _Phase.ENDED
        act = self._reaction(event)
        late = self._now().timestamp() >= self._until
        if act is not None and late and not isinstance(event, Sent):  # what was sent is told, however late
            self._give_up("the call takes too long")
        elif act is not None:
            self._run(act)
        return self._taken()

    def _reaction(self, event: Event) -> Callable[[], Target] | None:
        """What counts when; everything else at any other time is ignored."""
        match self._phase, event:
            case _Phase.PLAYING, Played(ok):
                return partial(self._played, ok=ok)
            case ((_Phase.PLAYING | _Phase.WAITING), Digit(key)) if key in _KEYS:
                return partial(self._pressed, key)
            case _Phase.WAITING, TimedOut():
                return self._timed_out
            case _Phase.SENDING, Sent():
                return partial(self._stored, event)
        return None

    # --- from step to step ----------------------------------------------------------------------------------

    def _run(self, act: Callable[[], Target]) -> None:
        """Act, then go on until something has to be waited for. Ends: a loop without input is refused."""
        target = self._guarded(act)
        while target is not None:
            self.step = target
            target = self._guarded(self._enter)

    def _guarded(self, act: Callable[[], Target]) -> Target:
        try:
            return act()
        except (TemplateFailedError, _UnforeseenError) as error:
            return self._unforeseen(str(error))

    def _unforeseen(self, reason: str) -> Target:
        step = self._here
        self._note("failed", reason)
        if isinstance(step, SendSms):
            return step.on_error
        if self._failed or self._flow.on_failure is None:
            self._give_up(reason)
            return None
        self._failed = True
        return self._flow.on_failure

    @property
    def _here(self) -> Step:
        return self._flow.steps[self.step]

    def _enter(self) -> Target:
        step = self._here
        match step:
            case Branch():
                return self._branch(step)
            case SetValues():
                return self._set(step)
            case SendSms():
                return self._send(step)
            case Transfer():
                return self._transfer(step)
            case steps.HangUp():
                return self._say(step.prompt or ())
            case _:
                self._heard, self._keys = 1, ""
                return self._say(step.prompt)

    def _branch(self, step: Branch) -> Target:
        for condition in step.when:
            if self._known.holds(condition):
                self._note(condition.then, condition.reason)
                return condition.then
        self._note(step.otherwise, "otherwise")
        return step.otherwise

    def _set(self, step: SetValues) -> Target:
        for name, template in step.values.items():
            self._known.learn(name, self._known.fill(template))
        return step.next

    # --- speaking and listening -----------------------------------------------------------------------------

    def _say(self, prompts: Prompts) -> Target:
        filled = self._known.prompts(prompts)
        if not filled:
            return self._spoken()
        self._actions.append(events.Play(filled))
        self._phase = _Phase.PLAYING
        return None

    def _played(self, *, ok: bool) -> Target:
        if not ok and not isinstance(self._here, steps.HangUp):
            raise _UnforeseenError("a prompt could not be played")
        return self._spoken()

    def _spoken(self) -> Target:
        step = self._here
        if isinstance(step, steps.Play):
            return step.next
        if isinstance(step, steps.HangUp):
            return self._hang_up()
        return self._listen()

    def _listen(self) -> Target:
        step = self._here
        assert isinstance(step, Asking)
        left = self._until - self._now().timestamp()
        self._actions.append(events.Wait(max(1.0, min(float(step.timeout), left))))
        self._phase = _Phase.WAITING
        return None

    def _pressed(self, key: str) -> Target:
        step = self._here
        stray, self._stray = self._stray, ""
        if not isinstance(step, Asking) or (key == stray and key not in _wanted(step)):
            return None
        if self._phase is _Phase.PLAYING:
            self._actions.append(events.Silence())
            self._phase = _Phase.WAITING
        match step:
            case Menu():
                return self._chosen(step, key)
            case Consent():
                return self._answered(step, key)
            case Gather():
                return self._typed(step, key)

    def _timed_out(self) -> Target:
        step = self._here
        if isinstance(step, Gather) and self._keys:
            return self._complete(step)
        return self._again("nothing was pressed")

    def _again(self, reason: str, wrong: Prompts | None = None) -> Target:
        """The prompt once more, or the way out for those who can't or won't."""
        step = self._here
        assert isinstance(step, Asking)
        if self._heard >= step.tries:
            target = step.on_no if isinstance(step, Consent) else step.on_none
            self._note("no" if isinstance(step, Consent) else target, reason)
            return target
        self._heard += 1
        self._keys = ""
        return self._say((*(wrong or ()), *step.prompt))

    # --- what was pressed -----------------------------------------------------------------------------------

    def _chosen(self, step: Menu, key: str) -> Target:
        target = next((target for offered, target in step.keys.items() if offered == key), None)
        if target is None:
            return self._again(f"key {key} means nothing here", step.wrong)
        self._note(target, f"key {key}")
        return target

    def _answered(self, step: Consent, key: str) -> Target:
        agreed = key == step.key
        self._note("yes" if agreed else "no", f"key {key}")
        return step.on_yes if agreed else step.on_no

    def _typed(self, step: Gather, key: str) -> Target:
        if key == step.end:
            return self._complete(step)
        if key == "*":
            self._keys = ""
        elif key in _DIGITS:
            self._keys += key
        if len(self._keys) < step.digits.max:
            return self._listen()
        self._stray = step.end
        return self._complete(step)

    def _complete(self, step: Gather) -> Target:
        keyed = self._keys
        if len(keyed) < step.digits.min:
            return self._again("too few digits", step.wrong)
        value = self._known.mobile(keyed) if step.kind == "mobile" else keyed
        if not value:
            return self._again("not a number that takes an SMS", step.wrong)
        self._known.learn(step.into, value)
        self._note(step.on_digits, f"{len(keyed)} digits")  # not which: they may be a PIN
        return step.on_digits

    # --- the SMS --------------------------------------------------------------------------------------------

    def _send(self, step: SendSms) -> Target:
        to = self._call.caller if step.to == CALLER else self._filled_number(step)
        number = self._known.mobile(to)
        if not number:
            self._note("no number", "nobody who takes an SMS")
            return step.on_no_number or step.on_refused
        text = self._text(step)
        verdict, reason = self._orders.judge(self.step, number, text)
        if verdict != "send":
            self._note(verdict, reason)
            return _after(step, verdict)
        fixed = not isinstance(step.to, str) and step.to.fixed
        self._actions.append(events.Send(self.step, number, text, fixed))
        self._phase = _Phase.SENDING
        return None

    def _filled_number(self, step: SendSms) -> str:
        assert not isinstance(step.to, str)
        return self._known.fill(step.to)

    def _text(self, step: SendSms) -> str:
        template = step.text or self._flow.templates[step.template or ""]
        text = self._known.fill(template, TEXT_LONGEST).strip()
        if not text:
            raise _UnforeseenError("the text is empty")
        return text

    def _stored(self, event: Sent) -> Target:
        step = self._here
        assert isinstance(step, SendSms)
        self._orders.ended(self.step, event)
        self._note(event.result, event.message_id or event.code)
        return _after(step, event.result)

    # --- the end --------------------------------------------------------------------------------------------

    def _transfer(self, step: Transfer) -> Target:
        extra = {name: self._known.fill(template) for name, template in step.variables.items()}
        self._note("transfer", f"{step.to.context},{step.to.extension}" if step.to is not None else "")
        self._leave(step, self._orders.last.result if self._orders.last is not None else "none", extra)
        return None

    def _give_up(self, reason: str) -> None:
        """Back to the dialplan, which knows what to do with a caller whom the flow can't serve."""
        if self._phase is _Phase.PLAYING:
            self._actions.append(events.Silence())
        self._note("left", reason)
        self._leave(None, "failed", {})

    def _leave(self, step: Transfer | None, status: str, extra: Mapping[str, str]) -> None:
        last = self._orders.last
        variables = {
            **{name: " ".join(value.split()) for name, value in extra.items()},
            "SMS_FLOW_STATUS": status,
            "SMS_FLOW_ID": last.message_id if last is not None else "",
            "SMS_FLOW_CODE": last.code if last is not None else "",
            "SMS_FLOW_STEP": self.step,
        }
        to = step.to if step is not None else None
        place = (to.context, to.extension, to.priority) if to is not None else ("", "", 0)
        self._actions.append(events.Leave(*place, variables))
        self._phase = _Phase.ENDED

    def _hang_up(self) -> Target:
        self._note("hangup")
        self._actions.append(events.HangUp())
        self._phase = _Phase.ENDED
        return None

    # --- what is handed out ---------------------------------------------------------------------------------

    def _note(self, decision: str, reason: str = "") -> None:
        self._actions.append(Note(self.step, decision, reason))

    def _taken(self) -> Sequence[Action]:
        actions, self._actions = self._actions, []
        return actions


def _wanted(step: Asking) -> frozenset[str]:
    """The keys that mean something here."""
    match step:
        case Menu():
            return frozenset(step.keys)
        case Consent():
            return frozenset(step.key)
        case Gather():
            return _DIGITS


def _after(step: SendSms, result: str) -> str:
    """Where an SMS that ended like this leads."""
    return {"accepted": step.on_accepted, "refused": step.on_refused}.get(result, step.on_error)
