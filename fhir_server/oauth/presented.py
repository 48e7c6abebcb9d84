"""What a request shows to be let in, as it came."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presented:
    """The parts of a request that a token can be bound to.

    ``url`` is the absolute URL under the public base of this server, without query; ``headers`` are the pairs of the request, names
    in lower case; ``peer`` is the address of the other end of the connection.
    """

    authorization: bytes | None
    method: str = "GET"
    url: str = ""
    headers: Iterable[tuple[bytes, bytes]] = ()
    peer: str = ""

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of the header ``name``."""
        return [value for each, value in self.headers if each == name]
