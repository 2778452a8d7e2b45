"""Texts with variables: what fills them in, and that they can do nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.doors.ivr.templates import LONGEST, TemplateFailedError, compile_template

VALUES = {"name": "Łucja", "number": "+48601234567", "vip": "1", "evil": "{{ number }}{% for x in y %}"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ name }}!", "Hi Łucja!"),
        ("{{ number[-4:] }} {{ number[0] }} {{ number[:3] }}", "4567 + +48"),
        ("{{ name | upper }}{{ ' ' ~ name | lower }}", "ŁUCJA łucja"),
        ("{{ missing | default('-') }}{{ name | default('-') }}", "-Łucja"),
        ("{% if vip == '1' %}VIP{% elif vip %}x{% else %}-{% endif %}", "VIP"),
        ("{% if missing is defined %}{{ missing }}{% endif %}", ""),
        ("{{ 'a' if name is eq 'Łucja' else 'b' }}", "a"),
        ("{{ 'a' if name | length > 3 else 'b' }}", "a"),
        ("{{ evil }}", "{{ number }}{% for x in y %}"),
        ("<b>&\n", "<b>&\n"),
    ],
)
def test_filled_in(source: str, text: str) -> None:
    assert compile_template(source).render(VALUES, 100) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ name.upper() }}",
        "{{ name.__class__ }}",
        "{{ name['__class__'] }}",
        "{{ name|attr('__class__') }}",
        "{{ ''[name] }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' is divisibleby 1 }}",
        "{{ name is divisibleby 1 }}",
        "{{ name + name }}",
        "{{ [1, 2] }}",
        "{% for x in name %}{% endfor %}",
        "{% set x = name %}",
        "{% macro x() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{{ name|center(1000000000) }}",
        "{{ name|replace('a', name) }}",
        "{{ self }}{{ name",
        "{{ " + "not " * 400 + "x }}",
        "{{ " + "(" * 900 + "x" + ")" * 900 + " }}",
        "x" * (LONGEST + 1),
    ],
)
def test_what_is_no_text_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        compile_template(source)


def test_a_missing_variable_and_a_long_text_fail() -> None:
    with pytest.raises(TemplateFailedError, match="nobody"):
        compile_template("{{ nobody }}").render({}, 100)
    with pytest.raises(TemplateFailedError, match="at most 5"):
        compile_template("{{ name }} {{ name }}").render(VALUES, 5)
    with pytest.raises(TemplateFailedError):
        compile_template("{{ name > 5 }}").render(VALUES, 100)


def test_it_knows_what_it_needs() -> None:
    template = compile_template("{{ a }}{{ b | default('') }}{% if c is defined %}{{ c }}{% endif %}")
    assert template.names == {"a"}
    assert template.asked == {"a", "b", "c"}
    assert not template.fixed
    assert compile_template("plain").fixed


@given(st.text(max_size=200) | st.text(alphabet="{}%#|[]()~.'\" ax1-+*", max_size=60))
def test_any_text_is_taken_or_refused_and_renders_at_once(source: str) -> None:
    began = time.process_time()
    try:
        template = compile_template(source)
    except ValueError:
        return
    try:
        text = template.render({"a": "x" * 500, "x": "y"}, 100_000)
    except TemplateFailedError:
        return
    assert len(text) <= 500 * len(source)
    assert time.process_time() - began < 1
