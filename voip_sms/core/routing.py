"""Which carrier takes a message: the longest prefix among the carriers that the identity allows."""

from collections.abc import Iterable, Mapping

from voip_sms.core.directory import Carrier, Route
from voip_sms.core.prefixes import Prefixes


class Routes:
    """The routes of one Directory, ready for look-ups."""

    def __init__(self, routes: Iterable[Route], carriers: Mapping[str, Carrier]) -> None:
        """Routes over carriers that are switched off or unknown don't count."""
        usable: dict[str, list[Route]] = {}
        for route in routes:
            carrier = carriers.get(route.carrier)
            if carrier is not None and carrier.enabled:
                usable.setdefault(route.prefix, []).append(route)
        for same in usable.values():
            same.sort(key=lambda route: route.priority)
        self._routes = Prefixes((prefix, tuple(same)) for prefix, same in usable.items())

    def find(self, to: str, carrier: str = "") -> Route | None:
        """The best route to `to` (E.164): longest prefix, then lowest priority value.

        With `carrier`, only that one may carry it: a number's or pool's own network.
        """
        if not carrier:
            best = self._routes.longest(to)
            return best[0] if best else None
        for same in self._routes.all(to):
            for route in same:
                if route.carrier == carrier:
                    return route
        return None
