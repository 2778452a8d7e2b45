"""The chain of the audit log: one written form, and every way of tampering with it shows."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fakes import START
from voip_sms.core.audit import FIRST, By, Entry, Fault, Head, Inspection, Link, canonical, seal
from voip_sms.core.clock import HOUR, MINUTE
from voip_sms.core.directory import NO_TENANT
from voip_sms.core.resources.audit import entry_resource

TENANT = b"T" * 16
Chain = list[Link]


def entry(number: int, **changes: Any) -> Entry:
    made = Entry(
        id=number.to_bytes(16),
        tenant_id=TENANT,
        at=START + number,
        by=By("key:app", "api"),
        action="changed",
        kind="numbers",
        label="tenants[acme].numbers[+48601000001]",
        object_id="num_1",
        before={"forwarding": True},
        after={"forwarding": False},
    )
    return replace(made, **changes)


def chain(length: int = 6) -> Chain:
    return list(seal(FIRST, [entry(number) for number in range(1, length + 1)]))


def head_of(links: Sequence[Link]) -> Head:
    last = links[-1]
    assert last.seq is not None
    assert last.hash is not None
    return Head(last.seq, last.hash)


def inspected(links: Sequence[Link], head: Head | None, expected: Sequence[bytes] = ()) -> Inspection:
    inspection = Inspection(expected)
    for link in sorted(links, key=lambda link: link.seq or 0):
        inspection.look(link)
    inspection.end(head)
    return inspection


def kinds(faults: Sequence[Fault]) -> list[str]:
    return [fault.kind for fault in faults]


# --- the written form ---------------------------------------------------------------------------------------


def test_the_written_form_is_this() -> None:
    written = canonical(entry(1, after={"name": "Zażółć", "amount": None}, before={}))
    assert written == (
        b'{"action":"changed","after":{"amount":null,"name":"Za\\u017c\\u00f3\\u0142\\u0107"},'
        b'"at":"2026-11-22T10:00:00.000001Z","before":{},"door":"api","id":"aud_00000000000000000000000001",'
        b'"kind":"numbers","label":"tenants[acme].numbers[+48601000001]","object":"num_1",'
        b'"tenant":"ten_2maha58n2maha58n2maha58n2m","who":"key:app"}'
    )


def test_others_can_compute_a_hash_from_what_is_shown() -> None:

    first, second = (entry_resource(link) for link in chain(2))
    assert second["prev"] == first["hash"]
    told = {name: value for name, value in second.items() if name not in {"seq", "prev", "hash"}}
    written = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(bytes.fromhex(second["prev"]) + written).hexdigest() == second["hash"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text(max_size=8), VALUES, max_size=4)


@given(FIELDS, st.randoms(use_true_random=False))
def test_it_does_not_depend_on_the_order_of_fields_or_the_way_through_a_database(
    fields: dict[str, Any], chance: Any
) -> None:
    shuffled = list(fields.items())
    chance.shuffle(shuffled)
    stored = json.loads(json.dumps(dict(shuffled)))
    assert canonical(entry(1, after=fields)) == canonical(entry(1, after=stored))


@given(FIELDS, FIELDS)
def test_different_fields_are_written_differently(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical(entry(1, after=one)) == canonical(entry(1, after=other))) == same


def test_what_json_has_not_is_no_entry() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(entry(1, after={"rate": float("nan")}))


# --- the chain ----------------------------------------------------------------------------------------------


def test_a_whole_chain_has_no_fault_and_tells_its_end() -> None:
    links = chain()
    assert [link.seq for link in links] == [1, 2, 3, 4, 5, 6]
    inspection = inspected(links, head_of(links), [links[2].hash or b""])
    assert (inspection.faults, inspection.missing, inspection.head) == ([], set(), head_of(links))


def test_it_goes_on_where_it_ended() -> None:
    links = chain(4)
    first = list(seal(FIRST, [link.entry for link in links[:2]]))
    assert first + list(seal(head_of(first), [link.entry for link in links[2:]])) == links


def test_tenants_have_chains_of_their_own() -> None:
    (mine,), (operators) = seal(FIRST, [entry(1)]), list(seal(FIRST, [entry(1, tenant_id=NO_TENANT)]))
    assert mine.hash != operators[0].hash


def _change(field: str, value: Any) -> Callable[[Chain], None]:
    def tamper(links: Chain) -> None:
        links[2] = replace(links[2], entry=replace(links[2].entry, **{field: value}))

    return tamper


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", bytes(16)),
        ("tenant_id", b"O" * 16),
        ("at", START),
        ("by", By("key:other", "api")),
        ("by", By("key:app", "panel")),
        ("action", "removed"),
        ("kind", "keys"),
        ("label", "x"),
        ("object_id", ""),
        ("before", {}),
        ("after", {"forwarding": 0}),
        # What only a hand writes into a database:
        ("after", None),
        ("at", "yesterday"),
        ("id", b"short"),
        ("before", {"rate": float("inf")}),
    ],
)
def test_any_changed_field_shows(field: str, value: Any) -> None:
    links = chain()
    head = head_of(links)
    _change(field, value)(links)
    faults = inspected(links, head).faults
    assert kinds(faults) == ["changed"]
    assert faults[0].text.startswith("entry 3 ")


def test_a_changed_entry_with_a_fitting_hash_breaks_what_follows() -> None:
    links = chain()
    head = head_of(links)
    _change("label", "x")(links)
    (links[2],) = seal(head_of(links[:2]), [links[2].entry])
    faults = inspected(links, head).faults
    assert kinds(faults) == ["order"]
    assert faults[0].text.startswith("entry 4 ")


def test_a_removed_entry_shows() -> None:
    links = chain()
    faults = inspected([*links[:2], *links[3:]], head_of(links)).faults
    assert [(fault.kind, fault.text[:20]) for fault in faults] == [("removed", "entry 3 is missing b")]
    faults = inspected(links[3:], head_of(links)).faults
    assert [(fault.kind, fault.text[:20]) for fault in faults] == [("removed", "entries 1 to 3 are m")]


def test_a_removed_entry_shows_where_the_others_moved_up() -> None:
    links = chain()
    moved = [*links[:2], *(replace(link, seq=(link.seq or 0) - 1) for link in links[3:])]
    assert kinds(inspected(moved, Head(5, links[5].hash or b"")).faults) == ["order"]


def test_swapped_entries_show() -> None:
    links = chain()
    swapped = [*links[:2], replace(links[3], seq=3), replace(links[2], seq=4), *links[4:]]
    assert set(kinds(inspected(swapped, head_of(links)).faults)) == {"order"}


def test_an_added_entry_shows() -> None:
    links = chain(3)
    (forged,) = seal(FIRST, [entry(9)])
    assert "order" in kinds(inspected([*links, replace(forged, seq=4)], head_of(links)).faults)


def test_a_cut_tail_shows_by_the_end_that_is_remembered() -> None:
    links = chain()
    faults = inspected(links[:4], head_of(links)).faults
    assert [(fault.kind, fault.text) for fault in faults] == [
        ("removed", "entries 5 to 6 are missing at the end")
    ]
    assert kinds(inspected(links, None).faults) == ["removed"]


def test_a_tail_cut_together_with_its_end_shows_only_by_a_hash_noted_elsewhere() -> None:
    links = chain()
    noted = links[4].hash or b""
    cut = links[:4]
    assert inspected(cut, head_of(cut)).faults == []
    assert inspected(cut, head_of(cut), [noted]).missing == {noted}
    grown = [*links, *seal(head_of(links), [entry(7)])]
    assert inspected(grown, head_of(grown), [noted]).missing == set()


def test_a_chain_written_anew_shows_only_by_a_hash_noted_elsewhere() -> None:
    links = chain()
    noted = head_of(links).hash
    _change("label", "x")(links)
    anew = list(seal(FIRST, [link.entry for link in links]))
    assert inspected(anew, head_of(anew)).faults == []
    assert inspected(anew, head_of(anew), [noted]).missing == {noted}


def test_an_expected_hash_counts_only_for_what_is_whole() -> None:
    links = chain()
    noted, head = links[2].hash or b"", head_of(links)
    _change("label", "x")(links)
    assert inspected(links, head, [noted]).missing == {noted}


def test_an_entry_that_waits_too_long_shows() -> None:
    waiting = Link(entry(1))
    for age, found in ((9 * MINUTE, []), (2 * HOUR, ["unsealed"])):
        inspection = Inspection()
        inspection.waits(waiting, START + age, 10 * MINUTE)
        assert kinds(inspection.faults) == found
    inspection = Inspection()
    inspection.waits(replace(chain(1)[0], seq=None), START, 10 * MINUTE)
    assert kinds(inspection.faults) == ["changed"]


@given(st.integers(1, 8), st.data())
def test_no_single_removal_goes_unseen(length: int, data: st.DataObject) -> None:
    links = chain(length)
    gone = data.draw(st.integers(0, length - 1))
    assert inspected(links[:gone] + links[gone + 1 :], head_of(links)).faults
