"""The choice of a sender for phones, mail addresses and keys: what recipients see, and what answers do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voip_sms.core.addresses import readable
from voip_sms.doors.panel.frame.page import Page

Option = tuple[str, str, str]


def choices(page: Page, current: Mapping[str, str] | None = None) -> Sequence[Option]:
    """(value, label, what recipients see) of everything that the company may show; `current` among them."""
    found = [*_choices(page)]
    value = text_of(current)
    if value and value not in {one[0] for one in found}:
        found.append((value, _named(page, current or {}), page.words("This is set now")))
    return found


def text_of(identity: Mapping[str, str] | None) -> str:
    """An identity as the value of a field: `name:ACME`."""
    return "" if identity is None else f"{identity['kind']}:{identity['value']}"


def identity_of(text: str) -> dict[str, Any]:
    """The other way round, for a resource to check."""
    kind, _, value = text.partition(":")
    return {"kind": kind, "value": value}


def label(page: Page, identity: Mapping[str, str]) -> str:
    """What lists call it."""
    return _named(page, identity)


def _choices(page: Page) -> Iterator[Option]:
    words, directory, mine = page.words, page.rooms.directory(), page.tenant_id
    yield "default:", words("The name of the service"), words("Nobody can answer it.")
    for name in sorted(
        (one for one in directory.names.values() if one.tenant_id == mine), key=lambda one: one.name
    ):
        if name.status == "approved":
            yield f"name:{name.name}", name.name, words("Recipients see this name. Nobody can answer it.")
        elif name.status == "pending":
            yield (
                f"name:{name.name}",
                words("%(name)s (waits for approval)", name=name.name),
                words("Nothing is sent from here until the name is approved."),
            )
    for number in sorted(one.e164 for one in directory.numbers.values() if one.tenant_id == mine):
        yield f"number:{number}", readable(number), words("Recipients see this number; answers go to it.")
    if directory.pools:
        yield "2way:", words("A number that can be answered"), words("Answers come back here.")
        yield (
            "random:",
            words("A number that can't be answered"),
            words("Recipients see some number of the service. Answers to it reach nobody."),
        )


def _named(page: Page, identity: Mapping[str, str]) -> str:
    words, kind, value = page.words, identity["kind"], identity["value"]
    if kind == "default":
        return words("The name of the service")
    if kind == "number":
        return readable(value)
    if kind == "2way":
        shown = words("A number that can be answered")
        return f"{shown} ({value})" if value else shown
    if kind == "random":
        shown = words("A number that can't be answered")
        return f"{shown} ({value})" if value else shown
    return value
