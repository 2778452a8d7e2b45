"""What is known in a call: who calls, what was keyed, the hour; and texts and conditions for it."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from voip_sms.core import addresses
from voip_sms.core.failures import Refusal
from voip_sms.doors.ivr.events import Call, Digits, Number, Prompt, Say, Sound
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.parts import HIDDEN, Condition
from voip_sms.doors.ivr.parts import Prompt as Written
from voip_sms.doors.ivr.templates import Template, TemplateFailedError

TEXT_LONGEST: Final = 1530
"""Characters of an SMS: ten parts of 153."""
VALUE_LONGEST: Final = 500
"""Characters of a variable: setting one from another in a round must not let it grow."""
SAID_LONGEST: Final = 2000
"""Characters spoken at a time: three minutes."""
NUMBER_LARGEST: Final = 999_999_999
"""What voices can read in every language."""

_SEPARATORS: Final = str.maketrans("", "", "+ -().")
_KEYS: Final = re.compile(r"[0-9*#]{1,40}", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)


def mobile_of(country: str, text: str) -> str:
    """The E.164 of a number that can take an SMS, national ones being of `country`; "" for any other text."""
    try:
        return addresses.recipient(text, country).e164
    except Refusal:
        return ""


class Knowledge:
    """The variables of one call. `now` gives aware moments in the customer's zone; `mobile` is `mobile_of`
    the customer's country.
    """

    def __init__(
        self, flow: Flow, call: Call, now: Callable[[], datetime], mobile: Callable[[str], str]
    ) -> None:
        self._flow = flow
        self._call = call
        self._now = now
        self.mobile = mobile
        given = {
            name: value[:VALUE_LONGEST] for name, value in call.variables.items() if name in flow.expects
        }
        self._values: dict[str, str] = {
            **flow.variables,
            **given,
            "caller": call.caller,
            "called": call.called,
            "call_id": call.id,
            "flow": flow.name,
        }

    def learn(self, name: str, value: str) -> None:
        """From now on `name` is this."""
        self._values[name] = value

    def fill(self, template: Template, longest: int = VALUE_LONGEST) -> str:
        """The text for this call; TemplateFailedError."""
        return template.render({**self._values, **self._clock()}, longest)

    def _clock(self) -> dict[str, str]:
        moment = self._now()
        polish = self._flow.language == "pl"
        today = f"{moment:%d.%m.%Y}" if polish else f"{moment.day} {moment:%B %Y}"
        return {"now": f"{moment:%H:%M}", "today": today}

    # --- what a caller hears --------------------------------------------------------------------------------

    def prompts(self, written: Iterable[Written]) -> tuple[Prompt, ...]:
        """What is to be played; texts that turn out empty are left out. TemplateFailedError."""
        return tuple(one for prompt in written for one in self._prompt(prompt))

    def _prompt(self, written: Written) -> Iterator[Prompt]:
        language = written.language or self._flow.language
        if written.say is not None:
            text = " ".join(self.fill(written.say, SAID_LONGEST).split())
            if text:
                yield Say(text, language)
        elif written.sound is not None:
            yield Sound(written.sound)
        elif written.digits is not None:
            yield Digits(self._matching(_KEYS, written.digits, "digits"), language)
        elif written.number is not None:
            yield Number(int(self._matching(_WHOLE, written.number, "a number")), language)

    def _matching(self, shape: re.Pattern[str], template: Template, what: str) -> str:
        text = self.fill(template).strip()
        found = shape.fullmatch(text if shape is _WHOLE else text.translate(_SEPARATORS))
        if found is None:
            raise TemplateFailedError(f"not {what}")
        return found.group()

    # --- conditions -----------------------------------------------------------------------------------------

    def holds(self, condition: Condition) -> bool:
        """Whether everything that the condition names is so now."""
        return all(self._parts(condition))

    def _parts(self, condition: Condition) -> Iterator[bool]:
        moment = self._now()
        for when in (condition.days, condition.hours, condition.dates):
            if when is not None:
                yield when.has(moment)
        if condition.holiday is not None:
            yield self._flow.holidays.has(moment) is condition.holiday
        if condition.caller is not None:
            yield any(map(self._calls_from, condition.caller))
        if condition.variable is not None and condition.value is not None:
            yield {**self._values, **self._clock()}.get(condition.variable, "") in condition.value

    def _calls_from(self, pattern: str) -> bool:
        """Whether the caller's number, as shown or as E.164, is of this pattern."""
        forms = {self._call.caller, self.mobile(self._call.caller)} - {""}
        if pattern == HIDDEN:
            return not any(char.isdigit() for char in self._call.caller)
        if pattern.endswith("*"):
            return any(form.startswith(pattern[:-1]) for form in forms)
        return pattern in forms
