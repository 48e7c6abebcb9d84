"""What is no HTTP, lies about its length, never ends or is too much: refused or cut off, and the next request is served."""

import gzip
import json
import socket
import time
from collections.abc import Iterator

import pytest
from flows import wire
from flows.client import Client
from flows.served import served

BODY_TIMEOUT = 0.5
POST = b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Serve an empty store that waits a moment for a body, and takes little of anything."""
    limits = {"BODY_LIMIT": "20000", "DEPTH_LIMIT": "8", "ENTRIES_LIMIT": "3", "BODY_TIMEOUT": str(BODY_TIMEOUT)}
    with served(tmp_path_factory.mktemp("http"), **{f"FHIR_SERVER_{name}": value for name, value in limits.items()}) as running:
        yield running.client()


def bearer(hub: Client) -> bytes:
    return b"Authorization: Bearer %s\r\n" % hub.token.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /fhir/metadata\r\n\r\n",
        b"GET /fhir/metadata HTTP/9.9\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 5000 + b"\r\n",
        b"GET /fhir/metadata?" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /fhir/Patient?\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        POST + b"Content-Length: -5\r\n\r\nabcde",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\nabcde",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"\0" * 1000,
    ],
    ids=lambda content: repr(content[:60]),
)
def test_what_is_no_http(hub: Client, content: bytes) -> None:
    assert wire.exchange(hub.port, content).status in {400, 431}
    assert hub.get("metadata").status == 200


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\ngarbage\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\n{",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 500\r\n\r\n{",
    ],
)
def test_a_body_that_is_not_as_announced(hub: Client, framing: bytes) -> None:
    reply = wire.exchange(hub.port, POST + bearer(hub) + framing, "POST")
    assert reply.status in {400, 408}
    assert reply.json["resourceType"] == "OperationOutcome"
    assert hub.get("Patient").json["total"] == 0


def test_what_follows_a_body_is_not_a_request_of_somebody_else(hub: Client) -> None:
    smuggled = b"GET /fhir/Patient?name=smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    reply = wire.exchange(
        hub.port, POST + bearer(hub) + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    )
    assert reply.status == 400


def test_clients_that_never_finish_are_cut_off_and_hold_nobody_up(hub: Client) -> None:
    heads = [b"GET /fhir/metadata HTTP/1.1\r\nHost:", POST + bearer(hub) + b"Content-Length: 9000\r\n\r\n{"]
    stalled = []
    try:
        for number in range(100):
            connection = socket.create_connection(("127.0.0.1", hub.port), timeout=wire.patience())
            connection.sendall(heads[number % 2])
            stalled.append(connection)
        for _ in range(20):
            assert hub.get("Patient").status == 200
        for connection in stalled[1::2]:
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    finally:
        for connection in stalled:
            connection.close()


def test_a_body_that_drips_is_cut_off(hub: Client) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", hub.port), timeout=wire.patience()) as connection:
        connection.sendall(POST + bearer(hub) + b"Content-Length: 9000\r\n\r\n")
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() < begun + wire.patience():
            connection.sendall(b" ")
            try:
                answer = connection.recv(100)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_the_limits_are_settings(hub: Client) -> None:
    long = hub.request("POST", "Patient", b'{"resourceType":"Patient","language":"' + b"x" * 20_000 + b'"}')
    assert (long.status, long.detail) == (413, "body-too-large")
    chunks = b"".join(b"1000\r\n" + b" " * 0x1000 + b"\r\n" for _ in range(10)) + b"0\r\n\r\n"
    assert wire.exchange(hub.port, POST + bearer(hub) + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, "POST").status == 413
    deep = hub.request(
        "POST", "Patient", b'{"resourceType":"Patient","extension":' + b'[{"extension":' * 4 + b"[]" + b"}]" * 4 + b"}"
    )
    assert (deep.status, deep.json["issue"][0]["code"]) == (400, "structure")
    assert "nested" in deep.json["issue"][0]["details"]["text"]
    entry = {"request": {"method": "GET", "url": "Patient"}}
    for count, status in ((3, 200), (4, 413)):
        assert hub.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry] * count}).status == status


def test_a_small_body_that_unpacks_to_a_large_one_is_not_read(hub: Client) -> None:
    bomb = gzip.compress(json.dumps({"resourceType": "Patient", "language": "x" * 10_000_000}).encode())
    reply = hub.request("POST", "Patient", bomb, Content_Encoding="gzip")
    assert reply.status in {400, 413, 415}
    assert reply.json["resourceType"] == "OperationOutcome"
