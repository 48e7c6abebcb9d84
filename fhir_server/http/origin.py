"""Where a request comes from: its W3C trace context (https://www.w3.org/TR/trace-context/), and the caller's network address."""

import re
from collections.abc import Iterable, MutableMapping
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, NamedTuple

from fhir_server.http.request import Headers

# A version after 00 may say more behind the flags (section 3.2.4).
_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]([0-9a-f])(?:-.*)?"
)
_SAMPLED: Final = 1  # the one flag of version 00
_TRACE, _SPAN = 16, 8  # bytes


class Trace(NamedTuple):
    """The trace that a request is part of, and the span in it that the caller is in; both in hexadecimal, as are the ``flags``."""

    trace: str
    span: str
    flags: str

    @property
    def header(self) -> str:
        """The value of the header traceparent."""
        return f"00-{self.trace}-{self.span}-{self.flags}"

    @property
    def recorded(self) -> str:
        """The form that the record keeps: "traceid-spanid"."""
        return f"{self.trace}-{self.span}"


def trace_of(headers: Headers, request: str) -> Trace:
    """Return the trace that the header traceparent names; a new one, made of the ``request`` id, without a valid header."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent")) if "traceparent" in headers else None
    if found:
        return Trace(found[1], found[2], f"{int(found[3], 16) & _SAMPLED:02x}")
    made = blake2b(request.encode(), digest_size=_TRACE + _SPAN).hexdigest()
    return Trace(made[: 2 * _TRACE], made[2 * _TRACE :], "01")


class Proxies:
    """The reverse proxies whose X-Forwarded-For is believed."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Believe those within ``networks`` (addresses or CIDR blocks). Raises ValueError."""
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, networks))

    def caller(self, scope: MutableMapping[str, Any], headers: Headers) -> str:
        """Return the address of whoever sent the request to the outermost believed proxy; "" when the connection has none."""
        client = scope.get("client")
        peer = str(client[0]) if client else ""
        if not self._networks or "x-forwarded-for" not in headers:
            return peer
        address = _address(peer)
        for name in reversed(headers.get("x-forwarded-for").split(",")):
            before = _address(name.strip())
            if address is None or before is None or not self._believes(address):
                break
            address = before
        return str(address) if address else peer

    def _believes(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
