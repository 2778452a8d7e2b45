"""What of a mail becomes the text of an SMS, by the rules that its sender chose; pure."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from voip_sms.core import segments
from voip_sms.core.directory import MailSender
from voip_sms.core.model import Options, Step
from voip_sms.core.planning import storable
from voip_sms.core.segments import TextEmptyError, TextTooLongError
from voip_sms.wire import gsm0338
from voip_sms.wire.mail.model import Body, Mail

PARTS_MOST: Final = 10
"""Of a text by mail (E3)."""
PREFIX: Final = 30
"""Characters of a subject that go before the text (E2)."""
PREMIUM: Final = segments.GSM7_SINGLE
"""Septets, and so at most characters, of a text in premium mode (E3)."""
_MORE: Final = "..."
"""What a text that was cut ends with."""
_SUBJECT_MOST: Final = 2_000
"""Characters of a subject that are looked at: more than ten parts hold."""
_CUTS_SHOWN: Final = 10
"""Lines of the trace about what was cut: a mail has a quotation, a signature and a footer or two."""

_ANSWER: Final = re.compile(r"(?:\s*(?:re|odp|aw|sv|vs)(?:\[\d{1,3}\])?\s*:)+\s*", re.IGNORECASE)
_FORWARD: Final = re.compile(r"(?:\s*(?:fwd?|pd|wg|tr)\s*:)+\s*", re.IGNORECASE)
_LINES: Final = re.compile(r"\n{3,}")
_BLANKS: Final = re.compile(r"[ \t]+(?=\n)")


@dataclass(frozen=True, slots=True)
class Composed:
    """The text, what was decided about it, and the options to send it with.

    `cut`: characters kept and characters there were, where a text that was too long was cut
    (`over_limit: cut`), of which its sender is told.
    """

    text: str
    options: Options
    steps: tuple[Step, ...]
    cut: tuple[int, int] | None = None


def compose(mail: Mail, sender: MailSender, *, transliterate: bool = False, quote: bool = True) -> Composed:
    """The SMS that `mail` is. TextEmptyError, TextTooLongError.

    `transliterate`: the tenant's messages go without accents where that saves parts. `quote`: the trace may
    show how what was cut begins; not for tenants whose texts are not kept.
    """
    text, source = _chosen(mail, sender)
    if not _says_something(text):
        raise TextEmptyError
    steps = (*_read(mail.body, quote=quote), source)
    if mail.attachments:
        steps = (*steps, Step("attachments", "left out", "an SMS has none"))
    if sender.mode == "premium":
        return _premium(text, steps)
    return _fitted(text, sender, steps, transliterate=transliterate)


def clean_subject(subject: str) -> str:
    """A subject without `Re:` and `Fwd:` in front, in any of the languages that mail programs write."""
    bare, before = subject[:_SUBJECT_MOST], ""
    while bare != before:
        before = bare
        bare = _ANSWER.sub("", bare, count=1) if _ANSWER.match(bare) else bare
        bare = _FORWARD.sub("", bare, count=1) if _FORWARD.match(bare) else bare
    return bare.strip()


# --- subject and body ---------------------------------------------------------------------------------------


def _chosen(mail: Mail, sender: MailSender) -> tuple[str, Step]:
    body, subject = _tidy(mail.body.text), clean_subject(mail.subject)
    answer = _ANSWER.match(mail.subject) is not None
    if sender.subject == "text" and subject and not (answer and body):
        return subject, Step("subject", "is the text", "as the sender is set")
    if not body:
        return subject, Step("subject", "is the text", "the mail has no other")
    if answer and sender.subject != "auto":
        return body, Step("body", "is the text", "the subject is that of the mail it answers")
    if sender.subject == "prefix" and subject:
        first = subject[:PREFIX].rstrip()
        reason = f"its first {PREFIX} characters" if len(subject) > PREFIX else ""
        return f"{first} {body}", Step("subject", "goes first", reason)
    return body, Step("body", "is the text")


def _tidy(text: str) -> str:
    """Without the air that mails have and an SMS pays for."""
    if "\n" not in text and "\r" not in text:
        return text.strip()
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _LINES.sub("\n\n", _BLANKS.sub("", lines)).strip()


def _says_something(text: str) -> bool:
    return any(unicodedata.category(char) not in _SILENT for char in text)


_SILENT: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Unicode general categories of characters that show nothing."""


def _read(body: Body, *, quote: bool) -> tuple[Step, ...]:
    """How the text was got out of the mail."""
    steps: list[Step] = []
    if body.html:
        steps.append(Step("format", "html", "the mail has no plain text"))
    if body.repaired:
        steps.append(Step("charset", "repaired", "the mail's label was not true"))
    if body.damaged:
        steps.append(Step("charset", "damaged", "characters of the mail are lost"))
    for cut in body.cuts[:_CUTS_SHOWN]:
        begins = f"it began: {storable(cut.text_start)}" if quote and cut.text_start else ""
        steps.append(Step("cut", cut.kind, begins))
    return tuple(steps)


# --- how long it may be -------------------------------------------------------------------------------------


def _premium(text: str, steps: tuple[Step, ...]) -> Composed:
    plain = segments.without_accents(text)
    plain = "".join(char if gsm0338.first_foreign(char) is None else "?" for char in plain)
    kept = _septets(plain, PREMIUM)
    what = f"the first {len(kept)} of {len(plain)} characters" if len(kept) < len(plain) else ""
    step = Step("premium", "one part", what or "without accents")
    return Composed(kept, Options(max_parts=1, transliterate=True), (*steps, step))


def _septets(text: str, most: int) -> str:
    """The longest beginning of a text in the GSM alphabet that has so many septets."""
    room = most
    for place, char in enumerate(text):
        room -= gsm0338.septets(char)
        if room < 0:
            return text[:place]
    return text


def _fitted(text: str, sender: MailSender, steps: tuple[Step, ...], *, transliterate: bool) -> Composed:
    options = Options(max_parts=PARTS_MOST, transliterate=transliterate)
    if _fits(text, transliterate=transliterate):
        return Composed(text, options, steps)
    if sender.over_limit == "refuse":
        segments.segment(text, PARTS_MOST, transliterate=transliterate)
        raise TextTooLongError(PARTS_MOST + 1, PARTS_MOST)
    kept = _cut(text, transliterate=transliterate)
    step = Step("cut", "too long", f"the first {len(kept)} of {len(text)} characters are sent")
    return Composed(kept + _MORE, options, (*steps, step), (len(kept), len(text)))


def _fits(text: str, *, transliterate: bool) -> bool:
    if len(text) <= segments.GSM7_SINGLE:  # ten parts hold as much of any alphabet
        return True
    if len(text) > PARTS_MOST * segments.GSM7_PART * 4:  # what normalising can take away is a part of it
        return False
    try:
        segments.segment(text, PARTS_MOST, transliterate=transliterate)
    except TextTooLongError:
        return False
    return True


def _cut(text: str, *, transliterate: bool) -> str:
    """The longest beginning that fits with the dots behind it: a longer one never takes fewer parts."""
    low, high = 1, min(len(text), PARTS_MOST * segments.GSM7_PART)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(text[:middle].rstrip() + _MORE, transliterate=transliterate):
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip()
