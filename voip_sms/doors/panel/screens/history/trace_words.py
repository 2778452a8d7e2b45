"""The words of a trace: how steps, decisions and reasons are written down, and how people are told.

They are written by core/planning, core/identity, core/rating, core/internal, core/mail/composing,
engine/inbound and engine/mail; tests/unit/test_panel_tracing.py holds both sides together.
"""

import re
from collections.abc import Mapping
from typing import Final

from voip_sms.doors.panel.frame.words import marked

TITLES: Final[Mapping[str, str]] = {
    "recipient": marked("Recipient"),
    "screening": marked("Rules"),
    "text": marked("Text"),
    "identity": marked("Sender"),
    "route": marked("Way"),
    "price": marked("Price"),
    "lease": marked("Conversation"),
    "keyword": marked("Keyword"),
    "number": marked("Your number"),
    "quarantine": marked("Quarantine"),
    "tenant": marked("Your company"),
    "blacklist": marked("Blacklist"),
    "loop": marked("Loop"),
    "joining": marked("Parts"),
    "thread": marked("Mail conversation"),
    "forward": marked("Handed to"),
    "mail": marked("Mail"),
    "attachments": marked("Attachments"),
    "subject": marked("Subject"),
    "body": marked("Body"),
    "format": marked("Format"),
    "charset": marked("Characters"),
    "cut": marked("Left out"),
    "premium": marked("One part"),
}
ALPHABETS: Final[Mapping[str, str]] = {
    "gsm7": marked("160 characters a part"),
    "ucs2": marked("70 characters a part"),
    "utf8": marked("any characters"),
}
TARGETS: Final[Mapping[str, str]] = {
    "mail": marked("mail"),
    "sip": marked("phone"),
    "number": marked("number"),
    "webhook": marked("program"),
    "none": marked("nobody"),
}
WORDS: Final[Mapping[str, str]] = {
    "mobile": marked("mobile"),
    "fixed_or_mobile": marked("mobile or landline"),
    "voip": marked("VoIP"),
    "allowed": marked("nothing stops it"),
    "blocked": marked("stopped"),
    "free": marked("free"),
    "partial": marked("incomplete"),
    "accepted": marked("accepted"),
    "assigned": marked("given to its owner"),
    "is the text": marked("is the text"),
    "goes first": marked("goes first"),
    "left out": marked("left out"),
    "repaired": marked("repaired"),
    "damaged": marked("damaged"),
    "too long": marked("too long"),
    "one part": marked("one part"),
    "no paid forwards": marked("no paid forwarding"),
    "own_mobile": marked("mobile number"),
    "any": marked("any"),
    "2way": marked("a number that can be answered"),
    "random": marked("a random number"),
    "refused": marked("refused"),
}

REASONS: Final[Mapping[str, str]] = {
    "an extension of this customer": marked("an extension of your company"),
    "rules for numbers do not count": marked("rules for numbers don't count here"),
    "accents were given up to save parts": marked("accents were given up to save parts"),
    "asked for": marked("as asked for"),
    "itself": marked("itself"),
    "answers leave from the number that was texted": marked("answers leave from the number that was texted"),
    "straight to its phones, no carrier": marked("no network in between"),
    "the account has no price list": marked("your company has no price list"),
    "the tenant is disabled": marked("your company's service is switched off"),
    "the tenant has blocked all inbound messages": marked("your company takes no messages"),
    "this text was forwarded before and came back": marked("this text was forwarded before and came back"),
    "an answer to what was sent by mail": marked("an answer to what was sent by mail"),
    "forwarding is off for this number": marked("forwarding is off for this number"),
    "queued": marked("on its way"),
    "an SMS has none": marked("an SMS has none"),
    "as the sender is set": marked("as the sender is set up"),
    "the mail has no other": marked("the mail has no other text"),
    "the subject is that of the mail it answers": marked("the subject is that of the mail it answers"),
    "the mail has no plain text": marked("the mail has no plain text"),
    "the mail's label was not true": marked("the mail's label was not true"),
    "characters of the mail are lost": marked("characters of the mail are lost"),
    "without accents": marked("without accents"),
}
"""Those that are always the same."""
PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (r"(?P<kind>[\w ]+) in (?P<country>[A-Z]{2}|001)", marked("%(kind)s, %(country)s")),
        (
            r"""(?P<char>'.+'|\".+\") is not in the GSM alphabet""",
            marked("%(char)s is not in the GSM alphabet, which forces the short parts"),
        ),
        (r"identity of (?P<account>.+)", marked("as set up for %(account)s")),
        (
            r"(?P<number>\+\d+) can't send abroad: (?P<kind>\w+) instead",
            marked("%(number)s can't send abroad: %(kind)s instead"),
        ),
        (r"prefix (?P<prefix>\S+), in one piece", marked("numbers that begin with %(prefix)s; in one piece")),
        (r"prefix (?P<prefix>\S+)", marked("numbers that begin with %(prefix)s")),
        (
            r"(?P<amount>[\d.]+) a part, price list (?P<list>.+), prefix (?P<prefix>\S+)",
            marked("%(amount)s a part, price list %(list)s, numbers that begin with %(prefix)s"),
        ),
        (
            r"an answer within the window of pool (?P<pool>.+)",
            marked("an answer to your message, in pool %(pool)s"),
        ),
        (r"it is bound to a mailbox on (?P<number>\S+)", marked("it belongs to a mailbox, on %(number)s")),
        (r"(?P<number>\+?\d+) belongs to the tenant", marked("%(number)s is yours")),
        (
            r"the blacklist names the sender: \w+ (?P<value>.+)",
            marked("your blacklist names the sender: %(value)s"),
        ),
        (
            r"parts (?P<missing>[\d, ]+) of (?P<parts>\d+) never came",
            marked("parts %(missing)s of %(parts)s never came"),
        ),
        (r"there is no (?P<account>\S+) any more", marked("there is no %(account)s any more")),
        (r"from (?P<mail>\S+@\S+)", marked("from %(mail)s")),
        (r"its first (?P<count>\d+) characters", marked("its first %(count)s characters")),
        (r"it began: (?P<text>.+)", marked("it began: %(text)s")),
        (
            r"the first (?P<some>\d+) of (?P<all>\d+) characters( are sent)?",
            marked("the first %(some)s of %(all)s characters"),
        ),
    )
)
"""Those with values; the names of the groups are those of the text."""
BEHIND: Final = re.compile(r"(?P<reason>[^;]+); (?P<rest>\+\d+ can't send abroad: \w+ instead)")
"""A reason with another one behind it."""
