"""Where a request comes from: its trace, and the address that can be believed."""

import pytest

from fhir_server.http.origin import Proxies, trace_of
from fhir_server.http.request import Headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def headers(**values: str) -> Headers:
    return Headers([(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()])


def test_a_trace_is_kept() -> None:
    found = trace_of(headers(traceparent=f"00-{TRACE}-{SPAN}-00"), "r")
    assert (found.recorded, found.header) == (f"{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-00")


def test_of_a_later_version_what_this_one_knows_is_kept() -> None:
    found = trace_of(headers(traceparent=f"cc-{TRACE}-{SPAN}-09-what=ever"), "r")
    assert found.header == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "zz",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01more",
    ],
)
def test_without_a_valid_one_there_is_a_new_trace(value: str) -> None:
    found = trace_of(headers(traceparent=value) if value else headers(), "request")
    assert found != trace_of(headers(), "another")
    assert trace_of(headers(traceparent=found.header), "x") == found


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (["192.0.2.0/24"], "192.0.2.1", "203.0.113.9", "203.0.113.9"),
        (["192.0.2.0/24"], "198.51.100.1", "203.0.113.9", "198.51.100.1"),
        (["192.0.2.0/24"], "192.0.2.1", "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (["192.0.2.0/24"], "192.0.2.1", "203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (["192.0.2.0/24"], "192.0.2.1", "nonsense", "192.0.2.1"),
        (["192.0.2.0/24"], "192.0.2.1", "", "192.0.2.1"),
        (["::1"], "::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(trusted: list[str], peer: str, forwarded: str, expected: str) -> None:
    sent = headers(x_forwarded_for=forwarded) if forwarded else headers()
    assert Proxies(trusted).caller({"client": (peer, 1)}, sent) == expected


def test_a_socket_has_no_address() -> None:
    assert Proxies().caller({"client": None}, headers()) == ""
