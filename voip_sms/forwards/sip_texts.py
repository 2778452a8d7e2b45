"""What a phone is told by a job: the text, whom it is from, its hour, and its pieces where it is too long."""

from voip_sms.core.dispositions import receipt_of
from voip_sms.core.model import ForwardJob
from voip_sms.core.notices import failure, tells_of_failure


def text_of(job: ForwardJob) -> str | None:
    """What it says; None: nothing is kept of it. A receipt says something else than a text."""
    if receipt_of(job.event) is not None:
        return ""
    return failure(job.message, job.language) if tells_of_failure(job.event) else job.message.text


def peer_of(job: ForwardJob) -> str:
    """Who the phone shows: the other side of the conversation."""
    return (job.message.to if _is_news(job) else job.message.sender).removeprefix("sip:")


def moment_of(job: ForwardJob) -> int:
    """When it was written, epoch microseconds."""
    return job.created_at if _is_news(job) else job.message.created_at


def _is_news(job: ForwardJob) -> bool:
    """Whether it tells the user of a message that they sent."""
    return tells_of_failure(job.event) or receipt_of(job.event) is not None


def pieces(text: str, octets: int) -> list[str]:
    """`text` in order, each piece at most `octets` of UTF-8, cut at a space or line end if possible."""
    found: list[str] = []
    rest = text
    while rest or not found:
        found.append(first_piece(rest, octets))
        rest = rest[len(found[-1]) :]
    return found


def first_piece(text: str, octets: int) -> str:
    """The beginning of `text`, at most `octets` of UTF-8 (and a character), cut as `pieces` says."""
    encoded = text[:octets].encode("utf-8", "replace")
    if len(encoded) <= octets and len(text) <= octets:
        return text
    room = encoded[:octets].decode("utf-8", "ignore")
    return room[: max(room.rfind(" "), room.rfind("\n")) + 1 or len(room)] or text[:1]
