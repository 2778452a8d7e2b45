"""The corpus is what it says, and whoever looks for its harm would see it."""

import html

import pytest

from support.hostile import MARK, faults, payloads
from support.html import parsed


def test_the_corpus_is_large_and_each_of_it_is_marked() -> None:
    assert len(payloads()) >= 60
    assert len(set(payloads())) == len(payloads())
    assert [one for one in payloads() if MARK not in one] == []


@pytest.mark.parametrize("payload", payloads())
def test_as_text_it_does_nothing(payload: str) -> None:
    text = html.escape(payload, quote=True)
    page = parsed(f'<!doctype html><title>{text}</title><p title="{text}">{text}</p><input value="{text}">')
    assert list(faults(page)) == []
    assert [one.tag for one in page.walk()] == ["", "title", "p", "input"]


HARM = [
    "<script>1</script>", "<script src=//zuq.test/></script>", "<img src=x onerror=1>", "<p zuq=1>", "<zuq>",
    "<p style='color:red'>", "<a href='javascript:zuq()'>", "<a href='\tjavascript:zuq()'>", "<base href=/x>",
    "<img src='http://elsewhere.test/'>", "<form action='//elsewhere.test'>", "<p class='zuq'>",
    "<a href='/panel/history?q=\"><b>zuq'>", "<meta http-equiv=refresh content='0'>", "<iframe>", "<style>a{}</style>",
]  # fmt: skip


@pytest.mark.parametrize("markup", HARM)
def test_harm_is_seen(markup: str) -> None:
    assert list(faults(parsed(markup)))
