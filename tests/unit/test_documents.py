"""YAML as the operator's and the customers' files are read: lines, texts, and no bombs."""

import pytest

from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.documents import NotYamlError, parse


def test_words_stay_what_was_written() -> None:
    document = parse("f", b"a: 0601\nb: +48601\nc: no\nd: true\ne: ~\nf: '~'\ng: [1, {2: x}]\n", nodes=50)
    assert document.value == {
        "a": "0601",
        "b": "+48601",
        "c": "no",
        "d": True,
        "e": None,
        "f": "~",
        "g": ["1", {"2": "x"}],
    }


def test_everything_has_its_line_and_what_is_missing_that_of_its_house() -> None:
    document = parse("f", b"a:\n  b:\n  - c: 1\n    d: 2\n", nodes=50)
    assert document.line(("a", "b", 0, "d")) == 4
    assert document.line(("a", "b", 7, "x")) == 2
    document.complaints += [Complaint(("a", "b", 0, "d"), "later"), Complaint(("a",), "first")]
    assert document.placed() == ("f:1: a: first", "f:4: a.b[0].d: later")


@pytest.mark.parametrize(
    "text",
    [
        b"&a [*a]",
        b"[" * 3000 + b"]" * 3000,
        b"a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]",
        b"\xff\xfe\xfd",
        b"a: [",
        b"a: !!python/object/apply:os.system [x]: y",
    ],
)
def test_bombs_are_refused(text: bytes) -> None:
    with pytest.raises(NotYamlError, match=r"\Af"):
        parse("f", text, nodes=1000)


def test_what_a_mapping_stands_for_may_be_refused_with_its_place() -> None:
    def resolve(found: dict[str, object], where: tuple[str | int, ...]) -> object:
        if where == ("a",):
            raise ValueError("not that one")
        return found

    document = parse("f", b"\na: {b: 1}\n", nodes=50, resolve=resolve)
    assert document.value == {"a": None}
    assert document.placed() == ("f:2: a: not that one",)
