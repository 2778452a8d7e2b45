"""What is cut from an answer and what stays: the rules one by one; whole mails are in the corpus."""

import pytest

from voip_sms.wire.mail.quotes import cut_quotes

STAYS = (
    "Wysłano z magazynu dziś rano.",
    "Sent from the warehouse, arrives tomorrow.",
    "Od: 8:00\nDo: 16:00\nData: 12.11.2026\nTemat: dyżur",
    "On Monday he wrote:\nplease call",
    "Dnia 12.11 Jan napisał: przyjdę",
    "Lista:\n- mleko\n- chleb\n-- razem 12 zł",
    ">5 osób: dopłata\n>= 3 dni: rabat",
    "Pozdrawiam\nAnna Nowak",
    "Pozdrawiam\nAnna\nPS. Tel. 601 123 456 do Jana",
    "Pozdrawiam wszystkich z urlopu!\nDo zobaczenia",
    "Cześć,\n\nbędę o 12.\n\nAnna",
    "---\nPierwszy punkt\n---\nDrugi punkt",
    "Ta wiadomość jest dla Jana: klucz pod wycieraczką.",
    "Data: 12.11, od: Jan",
    "a\n\nb",
    "| Pon | 8-16 |\n| Wt | 9-17 |",
)


@pytest.mark.parametrize("text", STAYS)
def test_words_that_only_look_like_marks_stay(text: str) -> None:
    assert cut_quotes(text) == (text, ())


@pytest.mark.parametrize(
    "attribution",
    [
        "W dniu 2026-11-02 o 10:00, Jan Kowalski pisze:",
        "W dniu 02.11.2026 o 10:00, Jan Kowalski napisał(a):",
        "Dnia poniedziałek, 2 listopada 2026 10:00:00 CET Jan napisał:",
        "śr., 4 lis 2026 o 10:00 Jan <jan@firma.test> napisał(a):",
        '4 lis 2026 10:00 "Jan" <jan@firma.test> napisał(a):',
        "Jan Kowalski <jan@firma.test> napisał(a) w dniu 2 lis 2026 o 10:00:",
        "Użytkownik Jan Kowalski napisał:",
        "On Mon, 2 Nov 2026 at 10:00, Jan <jan@firma.test> wrote:",
        "On Monday, November 2nd, 2026 at 10:00 AM, Jan <jan@firma.test> wrote:",
        "2026-11-02 10:00 GMT+01:00 Jan <jan@firma.test>:",
        "W poniedziałek, 2 listopada 2026 10:00:00 CET, Jan <jan@firma.test> napisał(a):",
    ],
)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_attributions_go_with_what_they_announce(attribution: str, mark: str) -> None:
    new, cuts = cut_quotes(f"Tak\n\n{attribution}\n{mark}Pytanie?\n{mark}Jan\n")
    assert new == "Tak"
    assert [cut.kind for cut in cuts] == ["quote"]
    assert attribution.startswith(cuts[0].text_start)


@pytest.mark.parametrize(
    "line",
    [
        "Jan Kowalski napisał(a):",
        "Jan wrote:",
        "Am 2.11.2026 um 10:00 schrieb Jan Kowalski:",
        "Le lun. 2 nov. 2026 à 10:00, Jan <jan@firma.test> a écrit :",
        "Dne 02.11.2026 10:00 Jan napsal(a):",
    ],
)
def test_right_above_quoted_lines_less_is_enough(line: str) -> None:
    assert cut_quotes(f"{line}\n> Pytanie?\n\nTak")[0] == "Tak"
    assert cut_quotes("Dowóz o 10:30:\nmleko\nJan napisał:\nchleb")[1] == ()


@pytest.mark.parametrize(
    "footer",
    [
        "Wysłane z iPhone'a",
        "Wysłano z iPada",
        "Wysłane z mojego telefonu Huawei",
        "Wysłano z urządzenia Galaxy",
        "Wysłane z Yahoo Mail na Androidzie",
        "Wysłane z bezpiecznej poczty Proton Mail.",
        "Wysłane z programu Outlook dla systemu Android",
        "Wysłane z Poczty Onet",
        "Pobierz aplikację Outlook dla systemu Android",
        "Sent from my Galaxy",
        "Sent from Mail for Windows",
        "Sent from Yahoo Mail on Android",
        "Sent with Proton Mail secure email.",
        "Get Outlook for iOS",
        "Wolny od wirusów. www.avast.com",
        "Pomyśl o środowisku, zanim wydrukujesz tę wiadomość.",
        "Treść tej wiadomości jest poufna i prawnie chroniona.",
        "Confidentiality Notice: for the addressee only.",
        "Administratorem Państwa danych osobowych jest Firma.",
        "Sąd Rejonowy w Testowie, KRS 0000000000, kapitał zakładowy 5000 zł",
    ],
)
def test_footers_of_programs_and_companies_go(footer: str) -> None:
    new, cuts = cut_quotes(f"Dobrze.\n\n{footer}\n")
    assert new == "Dobrze."
    assert [(cut.kind, cut.text_start) for cut in cuts] == [("footer", footer[:60].strip())]


def test_a_forwarded_mail_stays_if_nothing_else_was_written() -> None:
    head = "Od: Jan <jan@firma.test>\nData: 2.11.2026\nTemat: Awaria\n\nSerwer leży"
    assert cut_quotes(head, forwarded=True) == (head, ())
    assert cut_quotes(head)[0] == ""
    signed, cuts = cut_quotes(f"-- \nAnna\n\n{head}", forwarded=True)
    assert signed == head
    assert [cut.kind for cut in cuts] == ["signature"]
    assert cut_quotes(f"Uwaga!\n\n{head}", forwarded=True)[0] == "Uwaga!"


def test_an_answer_below_a_signature_and_a_quotation_stays() -> None:
    new, cuts = cut_quotes("Góra\n-- \nAnna\n> pytanie\nDół\n-- \nAnna")
    assert new == "Góra\n\nDół"
    assert [cut.kind for cut in cuts] == ["signature", "quote", "signature"]


def test_below_a_long_text_a_mark_is_no_signature() -> None:
    text = "Wstęp\n--\n" + "\n".join(f"wiersz {number}" for number in range(60))
    assert cut_quotes(text) == (text, ())
