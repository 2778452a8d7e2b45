"""Forms of the panel keep what was typed, say what is wrong where it is, and never give a password back."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.problems import InvalidError
from voip_sms.doors.panel.frame import carrying
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted, read, refused, told
from voip_sms.doors.panel.frame.routes import Route, Table
from voip_sms.doors.panel.frame.words import Catalogues

CATALOGUES = Catalogues.load()
EN, PL = CATALOGUES.of("en"), CATALOGUES.of("pl")


class Asked(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=5)]
    count: Annotated[int, Field(ge=1, le=9)] = 1
    kind: Literal["a", "b"] = "a"
    odd: str = ""
    all: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("a",)

    @field_validator("odd")
    @classmethod
    def _odd(cls, value: str) -> str:
        if value == "even":
            raise ValueError("must be odd")
        return value


def posted(*pairs: tuple[str, str]) -> Posted:
    return Posted(pairs, "a1b2")


def test_of_several_with_one_name_the_first_is_the_text_and_all_are_the_group() -> None:
    form = posted(("to", "1"), ("to", "2"), ("text", ""))
    assert (form["to"], form.all("to"), form.get("text"), form.get("none", "-")) == ("1", ["1", "2"], "", "-")
    assert (len(form), form.once, dict(form)) == (2, "a1b2", {"to": "1", "text": ""})


def test_a_form_shows_what_was_typed_but_no_password() -> None:
    fields = [("name", "<Ann>"), ("box", "x"), ("group", "1"), ("group", "3"), ("one", "2")]
    secrets = [("password", "p"), ("new_password", "p"), ("secret", "s"), ("code", "123456"), ("ticket", "t")]
    form = Form.of(posted(*fields, *secrets), {"name": "no"})
    assert (form.value("name"), form.error("name"), form.error("box")) == ("<Ann>", "no", "")
    assert (form.checked("box"), form.checked("other")) == (True, False)
    assert [form.checked("group", one) for one in ("1", "2", "3")] == [True, False, True]
    assert (form.checked("one", "2"), form.checked("one", "22"), form.checked("none", "2")) == (
        True,
        False,
        False,
    )
    assert [form.value(name) for name, _ in secrets] == [""] * 5


@pytest.mark.parametrize(("value", "shown"), [(None, ""), (False, ""), (7, "7"), ("7", "7"), (["a"], ["a"])])
def test_values_as_texts(value: object, shown: object) -> None:
    assert Form({"x": value}).value("x") == shown


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, {"name": "This is needed"}),
        ({"name": ""}, {"name": "This is needed"}),
        ({"name": "x" * 6}, {"name": "At most 5 characters"}),
        ({"name": "x", "count": "0"}, {"count": "At least 1"}),
        ({"name": "x", "count": "10"}, {"count": "At most 9"}),
        ({"name": "x", "count": "ten"}, {"count": "A whole number is needed here"}),
        ({"name": "x", "kind": "c"}, {"kind": "Choose one of the list"}),
        ({"name": "x", "all": []}, {"all": "This is needed"}),
        ({"name": "x", "all": ["a", "b", "c"]}, {"all": "At most 2"}),
        ({"name": "x", "odd": "even"}, {"odd": "Must be odd"}),
        ({"count": "x"}, {"name": "This is needed", "count": "A whole number is needed here"}),
    ],
)
def test_what_is_wrong_stands_at_its_field(fields: dict[str, object], errors: dict[str, str]) -> None:
    assert read(Asked, fields, EN) == (None, errors)
    made, polish = read(Asked, fields, PL)
    assert made is None
    assert polish.keys() == errors.keys()
    assert not set(polish.values()) & set(errors.values()), "in the reader's words"


def test_limits_are_said_in_polish() -> None:
    assert read(Asked, {"name": "x" * 6, "count": "10"}, PL)[1] == {
        "name": "Najwyżej 5 znaków",
        "count": "Najwyżej 9",
    }


def test_what_is_right_is_a_model() -> None:
    assert read(Asked, {"name": "Ann", "count": "3"}, PL) == (Asked(name="Ann", count=3), {})


def test_refusals_are_errors_of_their_fields_or_of_the_form() -> None:
    two = InvalidError([Complaint(("to", 0), "no number"), Complaint((), "too much")])
    assert refused(two, EN) == {"to": "No number", WHOLE: "Too much"}
    assert refused(two, PL) == {"to": "Tej wartości nie można użyć", WHOLE: "Tej wartości nie można użyć"}
    assert refused(Refusal("conflict", "it is gone"), EN) == {WHOLE: "It is gone"}
    assert told(Refusal("no_route"), PL) == "Żaden operator nie obsługuje tego kierunku"
    assert told(Refusal("no_route", "detail that nobody translated"), PL) == (
        "Żaden operator nie obsługuje tego kierunku"
    )


# --- carrying on after a session was over -------------------------------------------------------------------


async def nothing(page: object) -> None:
    raise NotImplementedError


TABLE = Table(
    [
        Route("POST", "/panel/send", "send", nothing, "send"),  # type: ignore[arg-type]
        Route("POST", "/panel/forwards/{id}", "forward", nothing, "numbers"),  # type: ignore[arg-type]
        Route("GET", "/panel/history", "history", nothing, "history"),  # type: ignore[arg-type]
    ]
)


def test_what_was_typed_comes_along_without_secrets() -> None:
    text = "\"'<&\n żółć \U0001f600"
    form = posted(("csrf", "t"), ("once", "a1"), ("text", text), ("to", "1"), ("to", "2"), ("password", "p"))
    carried = carrying.read(carrying.written("/panel/send", form), TABLE)
    assert carried is not None
    assert carried.path == "/panel/send"
    assert carried.fields == (("once", "a1"), ("text", text), ("to", "1"), ("to", "2"))


def test_too_much_is_not_carried() -> None:
    assert carrying.written("/panel/send", posted(("text", "x" * 66_000))) == ""
    assert carrying.written("/panel/send", posted(*[("to", "1")] * 3000)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "{}",
        "[]",
        '{"path": "/panel/history", "fields": []}',
        '{"path": "/v1/messages", "fields": []}',
        '{"path": "https://evil.test/panel/send", "fields": []}',
        '{"path": "/panel/forwards/a/b", "fields": []}',
        '{"path": "/panel/send", "fields": [["a"]]}',
        '{"path": "/panel/send", "fields": [], "more": 1}',
        " " * 70_000,
    ],
)
def test_what_we_did_not_write_is_not_carried(text: str) -> None:
    assert carrying.read(text, TABLE) is None


def test_a_posted_token_never_comes_back() -> None:
    carried = carrying.read('{"path": "/panel/forwards/fwd_1", "fields": [["csrf", "x"], ["a", "b"]]}', TABLE)
    assert carried is not None
    assert carried.fields == (("a", "b"),)
