"""What goes over a channel."""

from typing import Literal, NamedTuple

Kind = Literal["empty", "handshake", "heartbeat", "event-notification"]


class Message(NamedTuple):
    """One message: ``number`` is that of the event it is about, 0 for none; ``seconds`` within which to answer, 0: as usual."""

    kind: Kind
    number: int = 0
    media: str = ""
    body: bytes = b""
    seconds: int = 0
