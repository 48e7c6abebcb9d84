"""Where notifications may go, and where they may not."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from fhir_server.subscriptions.endpoint import GuardedResolver, Refused, fault, host_of, inside, permitted

INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.5", "::ffff:a9fe:a9fe", "::10.0.0.5", "2002:a00:5::1", "2001::f5ff:fffa", "64:ff9b::a00:5", "64:ff9b:1::1",
    "no address", "",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    assert not permitted(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_permitted(address: str) -> None:
    assert permitted(address)


def test_what_the_setting_permits_is_this_machine_and_no_more() -> None:
    found = [each for each in INSIDE if permitted(each, allow_loopback=True)]
    assert found == ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://platform.example/", "ftp://platform.example/", "//platform.example/", "platform.example", "", "https://", "https:///x",
        "https://user@platform.example/", "https://u:p@platform.example/", "https://platform.example/#x", "https://platform.example:0/",
        "https://platform.example:99999/", "https://[::1/", "https://10.0.0.5/", "https://127.0.0.1/", "https://169.254.169.254/",
        "https://[::1]/", "https://[::ffff:10.0.0.5]/", "https://localhost/", "https://LOCALHOST./", "https://db.localhost/",
        "https://hub/", "https://printer.local/", "https://metadata.google.internal/", "https://2130706433/", "https://0x7f000001/",
        "https://127.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://platform.example/ x",
        "https://platform.example/\r\nX: y",
        "https://platförm.example/", "https://platform.example\\@10.0.0.5/", "https://platform.example/" + "x" * 2000,
        "javascript:alert(1)", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_endpoints_that_are_refused_as_they_are_written(url: str) -> None:
    assert fault(url)


@pytest.mark.parametrize(
    "url", ["https://platform.example/hook?x=1", "https://platform.example:8443/", "https://8.8.8.8/", "https://a.b"]
)
def test_endpoints_that_are_taken(url: str) -> None:
    assert fault(url) == ""


@pytest.mark.parametrize(
    ("url", "taken"), [("http://127.0.0.1:1/", True), ("http://localhost:1/x", True), ("http://10.0.0.5/", False)]
)
def test_endpoints_with_the_setting(url: str, *, taken: bool) -> None:
    assert (fault(url, allow_loopback=True) == "") == taken


class Names:
    """Answers differently each time."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)

    async def __call__(self, _: str) -> Sequence[str]:
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (["8.8.8.8"], True),
        (["10.0.0.5"], False),
        (["8.8.8.8", "10.0.0.5"], False),
        (["::ffff:127.0.0.1"], False),
        (OSError(), True),
    ],
)
def test_a_name_is_looked_up_when_it_is_written(answer: Sequence[str] | OSError, *, taken: bool) -> None:
    assert (asyncio.run(inside("https://platform.example/", Names(answer))) == "") == taken


def test_a_name_that_means_another_address_the_second_time_gains_nothing() -> None:
    names = Names(["8.8.8.8"], ["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "10.0.0.5"])

    async def act() -> None:
        assert await inside("https://platform.example/", names) == ""
        guarded = GuardedResolver(names, allow_loopback=False)
        found = await guarded.resolve("platform.example", 443)
        assert [(each["host"], each["port"], each["family"]) for each in found] == [("8.8.8.8", 443, socket.AF_INET)]
        for _ in range(2):
            with pytest.raises(Refused):
                await guarded.resolve("platform.example", 443)

    asyncio.run(act())


def test_endpoints_of_one_host_are_known_by_it() -> None:
    assert host_of("https://Platform.example:8443/a") == host_of("https://platform.example:8443/b?c") == "platform.example:8443"
