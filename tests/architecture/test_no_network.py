"""A test reaches no other machine, and its own only where that is the point."""

import asyncio
import socket
from pathlib import Path

import pytest
from sockets import Guard, OutOfReach, Reach, is_loopback, reach_of

ELSEWHERE = "192.0.2.1"  # https://www.rfc-editor.org/rfc/rfc5737: nobody's


def attempts(host: str) -> list[str]:
    """Try each way out to ``host`` and return those that the guard refused."""
    refused = []
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        ways = {
            "connect": lambda: stream.connect((host, 9)),
            "connect_ex": lambda: stream.connect_ex((host, 9)),
            "bind": lambda: stream.bind((host, 0)),
            "sendto": lambda: datagram.sendto(b"", (host, 9)),
            "look up": lambda: socket.getaddrinfo(host, 9),
            "create": lambda: socket.create_connection((host, 9), timeout=0.1),
            "asyncio": lambda: asyncio.run(asyncio.open_connection(host, 9)),
        }
        for name, way in ways.items():
            try:
                way()
            except OutOfReach:
                refused.append(name)
            except OSError:
                continue
    return refused


ALL = ["connect", "connect_ex", "bind", "sendto", "look up", "create", "asyncio"]


def test_a_test_opens_no_socket() -> None:
    assert attempts("127.0.0.1") == ALL


@pytest.mark.network_loopback
def test_a_marked_test_opens_sockets_on_this_machine() -> None:
    assert attempts("127.0.0.1") == []


@pytest.mark.network_loopback
def test_even_a_marked_test_reaches_no_other_machine() -> None:
    assert attempts(ELSEWHERE) == ALL


def test_unix_sockets_are_open(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert (tmp_path / "s").is_socket()


@pytest.mark.parametrize(
    ("nodeid", "marked", "reach"),
    [
        ("tests/flows/test_read.py::test_x", False, Reach.LOOPBACK),
        ("tests/fhir_server/storage/test_x.py::test_x[sqlite]", False, Reach.LOOPBACK),
        ("tests/fhir_server/storage_like/test_x.py::test_x", False, Reach.NOWHERE),
        ("tests/adapters/test_x.py::test_x", False, Reach.NOWHERE),
        ("tests/adapters/test_x.py::test_x", True, Reach.LOOPBACK),
    ],
)
def test_reach_follows_folder_and_marker(nodeid: str, *, marked: bool, reach: Reach) -> None:
    assert reach_of(nodeid, marked=marked) is reach


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", ELSEWHERE, "localhost.example", "fe80::1%eth0"])
def test_anything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_the_refusal_says_what_to_do() -> None:
    guard = Guard()
    guard.reach = Reach.NOWHERE
    with pytest.raises(OutOfReach, match="network_loopback"):
        guard.check("127.0.0.1")
