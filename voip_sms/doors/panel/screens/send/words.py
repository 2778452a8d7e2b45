"""What the screen that sends says: senders, what a text costs and why, refusals of each recipient."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from voip_sms.core.addresses import readable
from voip_sms.core.model import Plan, Sender
from voip_sms.core.writing import Costly, Weight
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.reasons import refusal_words
from voip_sms.engine.panel import Outlook, SenderChoice

REFUSED_SHOWN: Final = 20
"""Of those that are looked at while somebody types: enough to see what is wrong."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody can't be written to."""

    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of it, as the page shows it.

    `dear`: why it takes more parts than it might, and what to do. Of `count` recipients the first `looked_at`
    were; `going` of them would get it, for `total` millionths of `currency`.
    """

    weight: Weight | None
    dear: Sequence[str]
    sender: str
    hint: str
    going: int
    count: int
    looked_at: int
    total: int
    currency: str
    refused: Sequence[Refused]
    more: int

    @property
    def known(self) -> bool:
        """Whether everybody was looked at."""
        return self.looked_at == self.count


def preview_of(outlook: Outlook, words: Words) -> Preview:
    """The words for it. That there is no text yet is seen at the text, not at every recipient."""
    going = [plan for plan in outlook.plans if plan.refused is None]
    refused = [*_refusals(outlook.plans, words)]
    sender = next((plan.sender for plan in going if plan.sender is not None), None)
    return Preview(
        outlook.weight,
        () if outlook.weight is None else dear_words(outlook.weight, words),
        "" if sender is None else _shown(sender),
        "" if sender is None else words(_HINTS[sender.kind]),
        len(going),
        outlook.count,
        len(outlook.plans),
        outlook.price,
        outlook.currency,
        refused[:REFUSED_SHOWN],
        max(len(refused) - REFUSED_SHOWN, 0),
    )


def _refusals(plans: Sequence[Plan], words: Words) -> Iterator[Refused]:
    for plan in plans:
        if plan.refused is not None and plan.refused.code.name != "text_empty":
            yield Refused(plan.to, refusal_words(plan.refused, words))


def _shown(sender: Sender) -> str:
    return readable(sender.value) if sender.value.startswith("+") else sender.value


_HINTS: Final[Mapping[str, str]] = {
    "name": marked("Nobody can answer a name."),
    "default": marked("Nobody can answer it."),
    "number": marked("Answers and calls go to this number."),
    "2way": marked("Answers come back here, into the conversation."),
    "random": marked("Answers to this number reach nobody."),
    "internal": marked("It goes straight to the phone, for nothing."),
}


# --- senders ------------------------------------------------------------------------------------------------


def sender_options(choices: Sequence[SenderChoice], words: Words) -> Sequence[tuple[str, str]]:
    """(value, label) of what a person may show; their own comes first."""
    own, *others = choices
    labels = [("", words("%(sender)s (yours)", sender=_label(own, words)))]
    return [*labels, *((one.value, _label(one, words)) for one in others)]


def _label(choice: SenderChoice, words: Words) -> str:
    if choice.kind == "2way":
        return words("A number that can be answered")
    if choice.kind == "random":
        return words("A number that can't be answered")
    return readable(choice.shown) if choice.kind == "number" else choice.shown


# --- what makes a text dear ---------------------------------------------------------------------------------


def dear_words(weight: Weight, words: Words) -> Sequence[str]:
    """Which characters force short parts, and what to write instead; nothing for a text that is cheap."""
    if not weight.costly:
        return ()
    return (_forced(weight, words), *_advice(weight, words))


def _forced(weight: Weight, words: Words) -> str:
    return words.several(
        "%(chars)s makes this %(count)s part of at most %(room)s characters.",
        "%(chars)s makes this %(count)s parts of at most %(room)s characters.",
        weight.parts,
        chars=_quoted(weight.costly, words),
        room=weight.room,
    )


def _advice(weight: Weight, words: Words) -> Iterator[str]:
    swaps = [one for one in weight.costly if one.plain]
    stuck = [one for one in weight.costly if not one.plain]
    if stuck:
        yield words("Nothing can stand for %(chars)s: leave it out.", chars=_quoted(stuck, words))
    elif weight.plain_parts is not None and weight.plain_parts < weight.parts:
        yield words.several(
            "Write %(swaps)s, or give up accents below: then it is %(count)s part.",
            "Write %(swaps)s, or give up accents below: then it is %(count)s parts.",
            weight.plain_parts,
            swaps=_swaps(swaps, words),
        )


def _swaps(swaps: Sequence[Costly], words: Words) -> str:
    said = (words("%(plain)s for %(char)s", plain=one.plain, char=one.character) for one in swaps)
    return ", ".join(said)


def _quoted(chars: Sequence[Costly], words: Words) -> str:
    return ", ".join(words("“%(char)s”", char=one.character) for one in chars)
