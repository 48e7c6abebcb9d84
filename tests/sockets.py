"""Which sockets a test may open: none, its own machine's, and never another's.

The guard stands in front of Python's own sockets, so it covers asyncio, aiohttp, the standard library's clients and name
look-ups. Unix sockets are always open: event loops and a test's own PostgreSQL use them.
"""

import ipaddress
import socket
from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from typing import Any

LOOPBACK_FOLDERS = ("tests/flows", "tests/conformance", "tests/fhir_server/storage", "tests/fhir_server/federation")
METHODS = ("connect", "connect_ex", "bind", "sendto")


class Reach(Enum):
    """How far a test may go."""

    NOWHERE = "no network at all"
    LOOPBACK = "loopback only"


class OutOfReach(RuntimeError):
    """A test opened a socket that it may not open; not an OSError, so that no code under test takes it for a dead peer."""


class Guard:
    """Refuses what lies beyond ``reach``; between tests that is loopback, for fixtures of a whole run."""

    def __init__(self) -> None:
        self.reach = Reach.LOOPBACK

    def check(self, host: str) -> None:
        """Raise OutOfReach unless ``host`` may be reached now."""
        if not is_loopback(host):
            raise OutOfReach(f"a test reached for {host!r}: tests stay on this machine")
        if self.reach is Reach.NOWHERE:
            raise OutOfReach(
                f"a test reached for {host!r}: mark it with @pytest.mark.network_loopback, or test the rule without a socket",
            )


def is_loopback(host: str) -> bool:
    """Tell whether ``host``, a name or an address, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def reach_of(nodeid: str, *, marked: bool) -> Reach:
    """Tell how far the test ``nodeid`` may go: by its folder, or by its marker."""
    path = PurePath(nodeid.partition("::")[0])
    inside = any(path.is_relative_to(folder) for folder in LOOPBACK_FOLDERS)
    return Reach.LOOPBACK if inside or marked else Reach.NOWHERE


def install(guard: Guard) -> None:
    """Put ``guard`` in front of every socket and name look-up of this process."""
    for name in METHODS:
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name), guard))
    lookup = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:  # the signature of socket.getaddrinfo
        if host is not None:
            guard.check(host.decode() if isinstance(host, bytes) else str(host))
        return lookup(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def _guarded(original: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    def method(self: socket.socket, *args: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and args:
            guard.check(str(args[-1][0]))
        return original(self, *args)

    return method
