"""What an SMTP client is told: reply code, enhanced status code, and what to do, in English and Polish."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voip_sms.core.failures import Nature, Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply (RFC 5321 4.2): `code` of three digits, `enhanced` as in RFC 3463, the texts in ASCII.

    Texts are ASCII because a client that didn't ask for SMTPUTF8 can't take more (RFC 6531 3.7.4.2).
    """

    code: int
    enhanced: str
    english: str
    polish: str = ""

    def __str__(self) -> str:
        """The whole reply without its last CRLF; Polish stands on a second line."""
        lines = [one for one in (self.english, self.polish) if one]
        last = len(lines) - 1
        return "\r\n".join(
            f"{self.code}{' ' if no == last else '-'}{self.enhanced} {_plain(line)}"
            for no, line in enumerate(lines)
        )


def _plain(text: str) -> str:
    """One line of printable ASCII of a length that RFC 5321 4.5.3.1.5 allows (512 with code and CRLF)."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)[:450]


# --- what can be said before a mail was read ----------------------------------------------------------------

NOT_OURS_TEXTS: Final = (
    "We take mail for our own addresses only; write to number@{domain}",
    "Przyjmujemy poczte tylko na wlasne adresy; napisz na numer@{domain}",
)
"""With our domain to be filled in."""
TOO_MANY_RECIPIENTS: Final = Answer(
    452,
    "4.5.3",
    "Too many recipients in one mail; send the rest in another",
    "Za wielu odbiorcow w jednym liscie; wyslij reszte osobno",
)
ADDRESS_BROKEN: Final = Answer(
    553,
    "5.1.7",
    "The sender's address can't be used; check it",
    "Bledny adres nadawcy; popraw go",
)
NUL: Final = Answer(
    554,
    "5.6.0",
    "The mail holds NUL octets; send it as text",
    "List zawiera znaki NUL; wyslij go jako tekst",
)
UNREADABLE: Final = Answer(
    554,
    "5.6.0",
    "The mail can't be read; send it as plain text",
    "Nie da sie odczytac listu; wyslij go jako zwykly tekst",
)
BUSY: Final = Answer(
    421,
    "4.7.0",
    "Too many connections; come again in a minute",
    "Za duzo polaczen; sprobuj za minute",
)
BARE_LF: Final = Answer(
    521,
    "5.5.2",
    "Lines must end in CRLF; a bare LF is refused. Goodbye",
    "Wiersze musza konczyc sie CRLF; samo LF jest odrzucane",
)
ENDLESS_LINE: Final = Answer(
    500,
    "5.5.6",
    "A line has no end; send the mail in lines of at most 998 octets. Goodbye",
    "Wiersz bez konca; wyslij list w wierszach do 998 znakow",
)
FULL: Final = Answer(
    452,
    "4.3.1",
    "Too many mails at this moment; come again in a minute",
    "Chwilowo za duzo poczty; sprobuj za minute",
)
TOO_MANY_ERRORS: Final = Answer(421, "4.7.0", "Too many errors; goodbye", "Za duzo bledow; koniec polaczenia")
SLOW: Final = Answer(
    421, "4.4.2", "Nothing came for too long; goodbye", "Zbyt dluga cisza; koniec polaczenia"
)
CLOSING: Final = Answer(
    421,
    "4.3.2",
    "The service is restarting; come again in a minute",
    "Usluga jest uruchamiana ponownie; sprobuj za minute",
)
TROUBLE: Final = Answer(
    451,
    "4.3.0",
    "The service can't take the mail right now; come again in a minute",
    "Usluga chwilowo nie przyjmuje poczty; sprobuj za minute",
)

# --- logging in (RFC 4954 section 6) ------------------------------------------------------------------------

LOGGED_IN: Final = Answer(235, "2.7.0", "Logged in")
WRONG_PASSWORD: Final = Answer(
    535,
    "5.7.8",
    "Wrong address or password; the user is your mail address",
    "Bledny adres lub haslo; uzytkownikiem jest Twoj adres e-mail",
)
NEEDS_TLS: Final = Answer(
    538,
    "5.7.11",
    "Passwords are taken over TLS only; switch STARTTLS or SSL on",
    "Hasla przyjmujemy tylko przez TLS; wlacz STARTTLS lub SSL",
)
AUTH_UNKNOWN: Final = Answer(
    504, "5.5.4", "Only PLAIN and LOGIN are known", "Znane sa tylko metody PLAIN i LOGIN"
)
AUTH_TWICE: Final = Answer(503, "5.5.1", "You are logged in already", "Juz zalogowano")
AUTH_MIDDLE: Final = Answer(503, "5.5.1", "Log in before MAIL FROM", "Zaloguj sie przed komenda MAIL FROM")
AUTH_BROKEN: Final = Answer(501, "5.5.2", "That can't be decoded", "Nie da sie tego odczytac")
AUTH_TRY_LATER: Final = Answer(
    454, "4.7.0", "Logging in does not work right now; come again", "Logowanie chwilowo nie dziala"
)

# --- what the engine refused --------------------------------------------------------------------------------

_REFUSED: Final[Mapping[str, tuple[int, str, str]]] = {
    "recipient_invalid": (550, "5.1.1", "To nie jest numer; przed @ wpisz numer, np. 601123456"),
    "extension_unknown": (550, "5.1.1", "Nie ma takiego numeru wewnetrznego; sprawdz go"),
    "not_found": (550, "5.1.1", "Nie ma takiego adresu; sprawdz go"),
    "recipient_forbidden": (550, "5.1.1", "Na ten numer nie mozna wyslac SMS; podaj numer komorkowy"),
    "no_route": (550, "5.4.4", "Nie wysylamy SMS na ten numer; zapytaj operatora"),
    "blocked": (550, "5.7.1", "Wiadomosc zablokowana; zapytaj operatora"),
    "opted_out": (550, "5.7.1", "Odbiorca nie chce wiadomosci; musi najpierw odpisac START"),
    "sender_not_allowed": (550, "5.7.1", "Niedozwolony nadawca; zapytaj operatora"),
    "unauthorized": (550, "5.7.1", "Nie wiemy, kto pisze; zaloguj sie lub uzyj numer+token@"),
    "forbidden": (550, "5.7.1", "Brak uprawnien; zapytaj operatora"),
    "limit_reached": (552, "5.2.2", "Limit wyczerpany; poczekaj lub popros o wyzszy"),
    "credit_exhausted": (552, "5.2.2", "Brak srodkow; doladuj konto"),
    "text_empty": (554, "5.6.0", "W liscie nie ma tekstu; napisz go w tresci lub w temacie"),
    "text_too_long": (552, "5.3.4", "Tekst jest za dlugi; skroc go"),
    "too_large": (552, "5.3.4", "List jest za duzy; usun zalaczniki"),
    "pool_exhausted": (450, "4.2.1", "Brak wolnego numeru 2way; sprobuj pozniej"),
    "rate_limited": (450, "4.7.1", "Za duzo wiadomosci naraz; sprobuj za chwile"),
    "store_unavailable": (451, "4.3.0", "Usluga chwilowo nie przyjmuje poczty; sprobuj za minute"),
}


def refused(refusal: Refusal) -> Answer:
    """The reply to what the engine refused; a code without its own row is answered by its nature."""
    found = _REFUSED.get(refusal.code.name)
    if found is not None:
        code, enhanced, polish = found
        return Answer(code, enhanced, refusal.detail, polish)
    if refusal.nature is Nature.PERMANENT:
        return Answer(554, "5.3.0", refusal.detail, refusal.code.reason_pl)
    return Answer(451, "4.3.0", refusal.detail, refusal.code.reason_pl)
