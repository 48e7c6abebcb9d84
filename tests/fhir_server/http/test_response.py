"""What it takes to make an answer XML, or small, comes in parts, between which others are served."""

import asyncio
import gzip
from collections.abc import Generator
from typing import Any

import orjson
import pytest

from fhir_server.federation.pace import Pace
from fhir_server.http.negotiate import Wanted
from fhir_server.http.response import packed, rendered, send_answer
from fhir_server.interactions.call import Answer
from fhir_server.model import json, xml
from fhir_server.model.body import OWN

MANY = 50


def bundle(entries: int) -> bytes:
    resource = b'{"resourceType":"Basic","id":"%d","code":{"text":"<&\\" \xc3\xa9"},"extension":[{"url":"x","valueDecimal":1.00}]}'
    entry = b'{"fullUrl":"http://x/Basic/%d","resource":' + resource + b"}"
    return b'{"resourceType":"Bundle","type":"searchset","entry":[' + b",".join(entry % (n, n) for n in range(entries)) + b"]}"


def done(work: Generator[None, None, Any]) -> tuple[Any, int]:
    """Return what ``work`` comes to and after how many stops."""
    stops = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value, stops
        stops += 1


@pytest.mark.parametrize("wanted", [Wanted("xml"), Wanted("xml", pretty=True), Wanted("json", pretty=True)])
def test_a_bundle_entry_by_entry(wanted: Wanted) -> None:
    body = bundle(MANY)
    resource = json.read(body, OWN).resource
    whole = xml.write(resource, pretty=wanted.pretty) if wanted.format == "xml" else json.write(resource, pretty=True)
    made, stops = done(rendered(body, wanted))
    assert made == whole
    assert stops >= (2 * MANY if wanted.format == "xml" else MANY)
    assert b"1.00" in made


def test_gzip_part_by_part() -> None:
    body = bytes(range(256)) * 4096
    made, stops = done(packed(body))
    assert gzip.decompress(made) == body
    assert stops > 16
    assert gzip.decompress(done(packed(b"x"))[0]) == b"x"


def test_others_are_served_meanwhile() -> None:
    turns = 0
    sent: list[dict[str, Any]] = []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def both() -> None:
        beside = asyncio.ensure_future(others())
        answer = Answer(200, bundle(MANY))
        await send_answer(send, answer, Wanted("xml"), "r", head=False, compress=True, pace=Pace(slice_=0))
        beside.cancel()

    asyncio.run(both())
    assert turns > 2 * MANY
    body = sent[-1]["body"]
    assert xml.read(gzip.decompress(body), OWN) == json.read(bundle(MANY), OWN).resource
    assert (b"content-length", str(len(body)).encode()) in sent[0]["headers"]


@pytest.mark.parametrize("pretty", [False, True])
def test_read_slowly_it_is_the_same(pretty: bool) -> None:  # noqa: FBT001 - of pytest
    for value in (1, -1, "", "[", '"\\', "é\n", None, True, [], {}, [1], [[], [[1]]], [{"a": ["]", ","]}, "x"], {"b": {"c": [{}]}}):
        for resource in ({"first": value, "last": value}, {'a"\\é': [value, value]}):
            body = orjson.dumps(resource, option=orjson.OPT_INDENT_2 if pretty else 0)
            assert done(json.own_slowly(body))[0] == resource == json.own(body)
