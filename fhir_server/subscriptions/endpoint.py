"""Where notifications may go: https, and to nobody inside (server-side request forgery, CWE-918).

The addresses are judged when a Subscription is written and at every connect, on the very address that is connected to: a name that
means another address the second time (DNS rebinding) gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a name; raises OSError when there are none."""
_LONGEST: Final = 2_000
_NAT64: Final = ip_network("64:ff9b::/96")
_LOCAL_NAT64: Final = ip_network("64:ff9b:1::/48")
_COMPATIBLE: Final = ip_network("::/96")
_SITE_LOCAL: Final = ip_network("fec0::/10")


class Refused(OSError):
    """The endpoint is none that may be connected to."""


def fault(url: str, *, allow_loopback: bool = False) -> str:
    """Return what is wrong with an endpoint as it is written, "" for nothing; a name in it is not looked up."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or any(char in ' \\"<>' for char in url):
        return "The endpoint is no URL: it must be at most 2000 printable ASCII characters, without blanks."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "The endpoint is no URL."
    if parts.scheme != "https" and not (allow_loopback and parts.scheme == "http"):
        return "The endpoint must be an https URL."
    if not host or parts.username is not None or parts.password is not None or "#" in url or port == 0:
        return "The endpoint must name a host, and neither a user nor a fragment."
    address = _literal(host)
    if address is not None and not permitted(address, allow_loopback=allow_loopback):
        return _INSIDE
    if address is None and _is_local(host) and not allow_loopback:
        return _INSIDE
    return ""


async def inside(url: str, resolve: Resolve, *, allow_loopback: bool = False) -> str:
    """Return what is wrong with where an endpoint leads to now, "" for nothing.

    A name that is not known, for the moment say, is nothing wrong: it is looked up again at every connect.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = [host] if _literal(host) else await resolve(host)
    except OSError:
        return ""
    return "" if all(permitted(each, allow_loopback=allow_loopback) for each in found) else _INSIDE


def permitted(address: str | IPv4Address | IPv6Address, *, allow_loopback: bool = False) -> bool:
    """Tell whether ``address`` may be connected to: a public one, whatever form it is written in."""
    try:
        plain = _unwrapped(ip_address(address))
    except ValueError:
        return False
    if plain.is_loopback:
        return allow_loopback
    return plain.is_global and not (plain.is_multicast or plain.is_reserved or plain.is_unspecified or plain in _SITE_LOCAL)


def host_of(url: str) -> str:
    """Return the host and port of an endpoint, by which endpoints share connections."""
    return urlsplit(url).netloc.lower()


async def resolve(host: str) -> Sequence[str]:
    """Ask the system for the addresses of ``host``. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class GuardedResolver(AbstractResolver):
    """Gives addresses that may be connected to, and no others."""

    def __init__(self, resolve: Resolve, *, allow_loopback: bool) -> None:
        """Ask ``resolve``."""
        self._resolve = resolve
        self._allow_loopback = allow_loopback

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Return the addresses of ``host``. Raises Refused unless all of them are permitted, OSError when there are none."""
        found = await self._resolve(host)
        if not all(permitted(each, allow_loopback=self._allow_loopback) for each in found):
            raise Refused(_INSIDE)
        results = [_result(host, port, each) for each in dict.fromkeys(found)]
        return [each for each in results if family in {socket.AF_UNSPEC, each["family"]}]

    async def close(self) -> None:
        """Have nothing to close."""


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    """Tell whether a name can only mean something inside (RFC 6761, RFC 6762), or is an address in an odd form."""
    name = host.rstrip(".").lower()
    last = name.rpartition(".")[2]
    return "." not in name or last in {"localhost", "local", "internal", "localdomain"} or last.isdigit() or last.startswith("0x")


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that is hidden in an IPv6 address, if any."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _LOCAL_NAT64:
        return IPv6Address("::")
    return inner or address


_INSIDE: Final = "The endpoint must be a public address: not of this machine, nor of a private network."
