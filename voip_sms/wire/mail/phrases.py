"""The words by which mail programs mark what isn't new: quotations, forwards, signatures, footers (pl, en).

Each pattern looks at one line of at most `LONGEST` characters (attributions at up to four, joined), is
anchored at its beginning, and repeats nothing within a repetition: its time is bounded.
"""

import re
from typing import Final

LONGEST: Final = 400
"""Characters of a line that are looked at; marks are short."""

_I: Final = re.IGNORECASE

QUOTED: Final = re.compile(r"\s{0,3}>(?![=\d])")
""""> " before a line; ">5" and ">=5" are arithmetic."""

# --- What announces a quotation -----------------------------------------------------------------------------

_MESSAGE: Final = (
    r"original message|original appointment|oryginalna wiadomo[sś][cć]|wiadomo[sś][cć] oryginalna|"
    r"wiadomo[sś][cć] pierwotna|pierwotna wiadomo[sś][cć]|oryginalny list|list oryginalny|reply message|"
    r"tre[sś][cć] oryginalnej wiadomo[sś]ci|oryginalny termin|urspr.ngliche nachricht|message d'origine"
)
_PASSED_ON: Final = (
    r"forwarded (?:message|by\b.{0,60})|forwarded|"
    r"przekazana wiadomo[sś][cć]|wiadomo[sś][cć] przekazana(?: dalej)?|"
    r"pocz[aą]tek przekazanej wiadomo[sś]ci|tre[sś][cć] przekazanej wiadomo[sś]ci|"
    r"przes[lł]ana wiadomo[sś][cć]|wiadomo[sś][cć] przes[lł]ana dalej"
)
SEPARATOR: Final = re.compile(rf"\s{{0,9}}[-_=*—–]{{2,60}}\s{{0,9}}(?:{_MESSAGE})\s{{0,9}}[-_=*—–:]", _I)
""""-----Original Message-----" and its kin."""
FORWARDED: Final = re.compile(
    rf"\s{{0,9}}[-_=*—–]{{2,60}}\s{{0,9}}(?:{_PASSED_ON})\s{{0,9}}[-_=*—–:]|"
    r"\s{0,9}(?:begin forwarded message|pocz[aą]tek przekazanej wiadomo[sś]ci|forwarded message):\s{0,9}$",
    _I,
)
RULED: Final = re.compile(
    r"\s{0,9}-{2,20}\s{0,3}(?:On|W[lł]\.|W dniu|Dnia)\s.{5,200}\b(?:wrote|napisa[lł])\b.{0,9}-{2,20}", _I
)
""""---- On Mon, 2 Nov 2026 10:00:00 +0100 X wrote ----" (Zoho)."""
UNDERSCORES: Final = re.compile(r"\s{0,9}_{20,200}\s{0,9}$")
"""Outlook's line above a quoted head."""

_DAYS: Final = (
    r"poniedzia[lł]ek|wtorek|[sś]rod[aeę]|czwartek|pi[aą]tek|sobot[aeę]|niedziel[aeę]|"
    r"pon\.?|wt\.?|[sś]r\.?|czw\.?|pt\.?|sob\.?|niedz\.?|ndz\.?|nie\.?|"
    r"(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?"
)
ATTRIBUTION_START: Final = re.compile(
    rf"\s{{0,3}}(?:W dniu|Dnia|W wiadomo[sś]ci|U[zż]ytkownik|Wiadomo[sś][cć] napisana|On|At|"
    rf"(?:W |we )?(?:{_DAYS})[\s,]|"
    r"\d{1,2}[./ -]|\d{4}[-/.]\d|[^\W\d_][^<>:]{1,60}<[^<>\s]{1,100}@|[\w.+-]{1,64}@[\w.-]{3,100}\s)",
    _I,
)
ATTRIBUTION_END: Final = re.compile(
    r"(?:napisa[lł](?:\(a\)|/a|-a|a)?|pisze|napisali|nades[lł]a[lł](?:\(a\)|a)?|wrote|writes|schrieb)"
    r"(?: w dniu .{5,60}|\s?\[[^\]]{0,60}\])?\s{0,3}:\s{0,3}$",
    _I,
)
ATTRIBUTION_APPLE: Final = re.compile(
    r"\s{0,3}Wiadomo[sś][cć] napisana (?:przez|w dniu)\s.{3,300}:\s{0,3}$", _I
)
ATTRIBUTION_SHORT: Final = re.compile(
    r"\s{0,3}\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s.{0,120}<[^<>\s]{1,100}@[^<>\s]{1,100}>:?\s{0,3}$"
)
"""Old Gmail: "2026-11-02 10:00 GMT+01:00 Jan <jan@example.test>:"."""
DATED: Final = re.compile(r"\b\d{4}\b|\d{1,2}:\d{2}|@|U[zż]ytkownik\s", _I)
"""An attribution says when or who."""

HEAD_FIELD: Final = re.compile(
    r"[\s>*_]{0,6}(Od|From|Nadawca|Wys[lł]an[oey]|Data wys[lł]ania|Sent|Data|Date|Do|To|DW|UDW|Cc|Bcc|Kopia|"
    r"Temat|Subject|Adresat|Odbiorca|"
    r"Wa[zż]no[sś][cć]|Importance|Reply-To|Odpowiedz do)[*_]{0,2}\s?:[*_]{0,2}(.*)",
    _I,
)
HEAD_FROM: Final = frozenset(("od", "from", "nadawca"))
HEAD_DATE: Final = frozenset(
    ("wysłano", "wyslano", "wysłane", "wyslane", "wysłany", "data wysłania", "sent", "data", "date")
)
HEAD_OTHER: Final = frozenset(("do", "to", "temat", "subject", "adresat", "odbiorca"))
HEAD_TIME: Final = re.compile(r"\b\d{4}\b|\d{1,2}:\d{2}|\d{1,2}[./]\d{1,2}")
LETTER: Final = re.compile(r"[^\W\d_]")

# --- What stands below the text -----------------------------------------------------------------------------

SIGNATURE: Final = re.compile(r"-- ?$")
"""RFC 3676 4.3; programs on the way drop the space."""
RULE: Final = re.compile(r"\s{0,3}[-_=*~—–#]{3,200}\s{0,3}$")
_DEVICE: Final = (
    r"iphone|ipad|ipod|ios\b|android|galaxy|samsung|huawei|honor\b|xiaomi|redmi|poco\b|motorola|moto\b|xperia|nokia|"
    r"oneplus|oppo\b|"
    r"realme|pixel|blackberry|windows|outlook|yahoo|proton|gmail|bluemail|blue mail|spark\b|mymail|"
    r"thunderbird|k-9|fairemail|aquamail|mail for\b|mobile|phone\b|smartphone|tablet"
)
_URZADZENIE: Final = (
    r"moje(?:go|j)\b|telefonu\b|smartfon|tabletu\b|urz[aą]dzenia|kom[oó]rki\b|aplikacji|"
    r"(?:programu|bezpiecznej|skrzynki)\s(?:poczt|outlook|e-mail)|"
    r"poczt\w{1,4}\s(?:dla|onet|wp|o2|interi|gmail|proton|yahoo|outlook|elektronicznej)"
)
SENT_FROM: Final = re.compile(
    rf"\s{{0,3}}[(\[<*]?(?:(?:ta )?wiadomo[sś][cć] (?:zosta[lł]a )?)?wys[lł]an[aeoy] "
    rf"(?:z|ze|przez|za pomoc[aą]|przy u[zż]yciu)\s.{{0,40}}?(?:{_DEVICE}|{_URZADZENIE})|"
    rf"\s{{0,3}}[(\[<*]?(?:this (?:e-?mail|message) was )?"
    rf"sent (?:from my\b|(?:from|via|with|using)\s.{{0,40}}?(?:{_DEVICE}))|"
    r"\s{0,3}[(\[<*]?(?:pobierz|uzyskaj|zdob[aą]d[zź]|get|download)\s(?:aplikacj[eę]\s|program\s|the\s)?"
    r"(?:outlook|bluemail|spark|gmail|yahoo|proton|mymail|wp poczta|onet poczta)\b",
    _I,
)
CHECKED: Final = re.compile(
    r".{0,80}(?:avast|avg\.com|virus-free|checked for viruses|woln[aey] od wirus[oó]w|"
    r"sprawdzon[aey] .{0,60}wirus|scanned (?:by|for)\b.{0,40}(?:virus|mailscanner|eset))",
    _I,
)
PRINTING: Final = re.compile(
    r"\W{0,6}(?:pomy[sś]l .{0,40}zanim .{0,20}wydruk|zanim wydrukujesz|czy musisz (?:to )?drukowa[cć]|"
    r"please consider the environment|think before you print|before printing)",
    _I,
)
NOTICE: Final = re.compile(
    r"\W{0,6}(?:confidentiality (?:notice|note)|disclaimer|legal notice|privacy notice|nota prawna|"
    r"klauzula (?:poufno[sś]ci|informacyjna|rodo)|zastrze[zż]enie prawne|informacja o poufno[sś]ci|"
    r"administratorem (?:pa[nń]stwa|pani|twoich|danych)|przetwarzamy (?:pa[nń]stwa|twoje) dane)",
    _I,
)
LEGAL_START: Final = re.compile(
    r"\W{0,6}(?:(?:uwaga|informacja|note|important)\s?[:!-]\s?)?"
    r"(?:niniejsz[aey]|ta|tre[sś][cć] (?:tej|niniejszej)|"
    r"informacj[ea] zawart[ae] w|the information (?:contained )?in|this|the contents? of this)\s.{0,60}?"
    r"(?:e-?mail|wiadomo[sś]|message|korespondencj|transmis|przesy[lł]k)",
    _I,
)
LEGAL: Final = re.compile(
    r"poufn|zastrze[zż]on|prawnie chronion|wy[lł][aą]cznie (?:dla|do)|przeznaczon|"
    r"confidential|intended|privileged",
    _I,
)
COMPANY: Final = re.compile(
    r".{0,200}(?:S[aą]d Rejonowy|kapita[lł] zak[lł]adowy).{0,200}(?:KRS|NIP|z[lł]\b|PLN)", _I
)
CLOSING: Final = re.compile(
    r"\W{0,3}(?:(?:serdecznie |gor[aą]co )?pozdrawiam(?: serdecznie)?|pozdrowienia|z pozdrowieniami|"
    r"z (?:powa[zż]aniem|wyrazami szacunku)|[lł][aą]cz[eę] wyrazy szacunku|pozdr\.?|"
    r"(?:(?:best|kind|warm|kindest|with kind|with best) )?regards|"
    r"sincerely(?: yours)?|yours (?:sincerely|faithfully)|"
    r"best wishes|cheers)\b(?P<after>[^\n]{0,60})$",
    _I,
)
CONTACT: Final = re.compile(
    r".{0,120}(?:\b(?:tel|kom|mob|fax|faks|phone|mobile|telefon)\b\s?[.:/]{1,2}\s?[+(\d]|\bwww\.|https?://|\S@\S|"
    r"\b(?:NIP|REGON|KRS)\b|\bul\.\s|\b\d{2}-\d{3}\s|^\s{0,3}[tmf][.:]\s?[+(\d])",
    _I,
)
POSTSCRIPT: Final = re.compile(r"\s{0,3}P\.?\s?S\.?[:\s]", _I)
