"""Templates: read from the package, compiled once, every value escaped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError

from voip_sms.doors.panel.frame.filters import FILTERS

if TYPE_CHECKING:
    from voip_sms.doors.panel.frame.page import Page

_EVERY: Final = -1
"""How many compiled templates are kept."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of the navigation. `current`: whether the page is of its family."""

    name: str
    label: str
    href: str
    current: bool


class Templates:
    """All templates. Each is compiled once: those of the frame at start, a page's when it is first asked for,
    in 20 ms at most; all of them would make every start half a second longer.
    """

    def __init__(self, static: Callable[[str], str]) -> None:
        """`static(name)`: the path of one of our files."""
        self._environment = Environment(
            loader=PackageLoader("voip_sms.doors.panel", "templates"),
            autoescape=True,  # of everything, whatever a template is called
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=_EVERY,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals["static"] = static

    def compile(self) -> None:
        """Compile the frame's. One that is broken is written down, and is no reason not to take SMS."""
        for name, error in self.broken("frame/"):
            log.error("panel_template_broken", template=name, reason=str(error))

    def broken(self, beginning: str = "") -> Iterator[tuple[str, TemplateError]]:
        """Compile what is called so; which can't be compiled, and why."""
        for name in self._environment.list_templates(filter_func=lambda name: name.startswith(beginning)):
            try:
                self._environment.get_template(name)
            except TemplateError as error:
                yield name, error

    def render(self, template: str, page: "Page", values: Mapping[str, Any]) -> str:
        """A page; what a screen gives stands beside what all have."""
        return self._environment.get_template(template).render({**_frame(page), **values})


def _frame(page: "Page") -> dict[str, Any]:
    return {
        "page": page,
        "_": page.words,
        "ngettext": _counting(page),
        "language": page.words.language,
        "user": page.present.user if page.present is not None else None,
        "tenant": page.tenant,
        "menu": menu_of(page),
        "notice": page.notice(),
        "link": page.link,
        "csrf": page.csrf,
        "once": page.once,
        "service": page.rooms.settings.name,
    }


def _counting(page: "Page") -> Callable[..., str]:
    def ngettext(one: str, many: str, count: int, **values: object) -> str:
        return page.words.several(one, many, count, **values)

    return ngettext


def menu_of(page: "Page") -> Sequence[MenuEntry]:
    """What whoever looks may open. The entry with the longest path above this page is the current one."""
    if page.present is None:
        return ()
    path, user = page.request.path, page.present.user
    routes = [one for one in page.frame.table.menu() if one.right is None or user.may(one.right)]
    above = [one.path for one in routes if path == one.path or path.startswith(one.path + "/")]
    current = max(above, key=len, default="")
    return [
        MenuEntry(one.name, page.words(one.menu), page.link(one.name), one.path == current) for one in routes
    ]
