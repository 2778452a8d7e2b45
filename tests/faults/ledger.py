"""The independent ledger: what customers were told against what the carrier saw, with no word of the service's own.

Two sources only: the acknowledgements that clients got, and the simulator's log of PDUs, whose process is never
killed. The service's own view (its list of messages, its balance) is then held against them.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from voip_sms.demo.clients import Http, Json


class Ledger:
    """One text is one message. Call `follow` now and then: the carrier's log is a ring."""

    def __init__(self, simulator: Http) -> None:
        self._simulator = simulator
        self._after = 0
        self._asked: dict[tuple[int, int], str] = {}
        self.acknowledged: dict[str, str] = {}
        """Text → id, or '' where the door gives none."""
        self.taken: Counter[str] = Counter()
        """Text → how often the carrier took it: every submit_sm that it did not refuse, answered or not."""
        self.order: list[str] = []
        """Texts as the carrier took them."""

    def acknowledge(self, text: str, message_id: str = "") -> None:
        assert text not in self.acknowledged, f"two acknowledgements for {text!r}"
        self.acknowledged[text] = message_id

    async def follow(self) -> None:
        """Read on in the carrier's log."""
        entries = (await self._simulator.get(f"/log?after={self._after}"))["data"]
        if not entries:
            return
        assert self._after == 0 or entries[0]["n"] == self._after + 1, "the carrier's log ran over"
        self._after = entries[-1]["n"]
        for entry in entries:
            self._note(entry)

    def _note(self, entry: Json) -> None:
        key = entry["conn"], entry["sequence"]
        if entry["command"] == "submit_sm" and entry["dir"] == "in":
            text = bytes.fromhex(entry["fields"]["short_message"]).decode("ascii")
            self._asked[key] = text
            self.taken[text] += 1
            self.order.append(text)
        elif entry["command"] == "submit_sm_resp" and entry["dir"] == "out":
            text = self._asked.pop(key)
            if entry["command_status"]:
                self.taken[text] -= 1
                self.order.remove(text)

    def check(self, stored: Sequence[Json], balance: Json, price: Decimal) -> None:
        """AssertionError when something was lost, doubled in silence, or charged wrongly."""
        by_text = Counter(message["text"] for message in stored)
        twice = [text for text, count in by_text.items() if count > 1]
        assert not twice, f"{len(twice)} texts stored as several messages: {twice[:5]}"
        messages = {message["text"]: message for message in stored}

        lost = [text for text in self.acknowledged if not self.taken[text]]
        assert not lost, f"{len(lost)} acknowledged and lost: {lost[:5]}"
        for text, message_id in self.acknowledged.items():
            assert messages[text]["status"] == "delivered", messages[text]
            assert message_id in ("", messages[text]["id"])
        ghosts = [text for text in self.taken if text not in messages]
        assert not ghosts, f"{len(ghosts)} sent but not on record: {ghosts[:5]}"
        unflagged = [
            text for text, n in self.taken.items() if n > 1 and not messages[text]["possible_duplicate"]
        ]
        assert not unflagged, f"{len(unflagged)} sent more than once, unflagged: {unflagged[:5]}"

        assert Decimal(balance["reserved"]["amount"]) == 0
        spent = Decimal(balance["credit"]["amount"]) - Decimal(balance["available"]["amount"])
        assert spent == price * len(stored), f"{spent} for {len(stored)} messages"

    @property
    def copies(self) -> int:
        """How many more than once."""
        return sum(count - 1 for count in self.taken.values())
