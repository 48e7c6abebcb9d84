"""HTTP to a source: what it lets through, and what becomes a fault."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from fake_sources import declared

from adapters.contract import Fault, Response, SourceError
from fhir_server.federation.transport import HttpTransport

XML = {"Content-Type": "text/xml; charset=utf-8"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """Serve ``handler`` at every path; give the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(url: str, authorization: str = "", **options: str) -> AsyncIterator[HttpTransport]:
    """Open a transport to the source at ``url``."""
    transport = HttpTransport(declared(endpoint=url, **options), authorization)
    try:
        yield transport
    finally:
        await transport.close()


def post(
    handler: Handler, headers: Mapping[str, str] = XML, *, times: int = 1, authorization: str = "", **options: str
) -> Response | Fault:
    """Post a question to ``handler``; return the answer, or the fault."""

    async def talk() -> Response:
        async with served(handler) as url, opened(url, authorization, **options) as transport:
            answers = [await transport.post(url, b"<question/>", headers) for _ in range(times)]
            return answers[-1]

    try:
        return asyncio.run(talk())
    except SourceError as error:
        return error.fault


def answer(handler: Handler, headers: Mapping[str, str] = XML, **options: str) -> Response:
    """Post a question to ``handler``, which must answer."""
    found = post(handler, headers, **options)
    assert isinstance(found, Response), found
    return found


def answering(status: int = 200, body: bytes = b"<answer/>", media_type: str = "text/xml", **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Content-Type": media_type, **headers})

    return handler


def hang_up(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()


def test_an_answer_comes_through() -> None:
    found = answer(answering())
    assert (found.status, found.body, found.content_type) == (200, b"<answer/>", "text/xml")


def test_the_question_arrives_as_it_was_given() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.update(method=request.method, body=await request.read(), headers=dict(request.headers))
        return await answering()(request)

    post(handler, {**XML, "SOAPAction": '"q"'}, authorization="Bearer t")
    assert (seen["method"], seen["body"]) == ("POST", b"<question/>")
    assert seen["headers"]["SOAPAction"] == '"q"'
    assert seen["headers"]["Authorization"] == "Bearer t"
    assert seen["headers"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (301, "unreachable"),
        (307, "unreachable"),
        (400, "unreachable"),
        (401, "refused"),
        (403, "refused"),
        (404, "unreachable"),
        (408, "timeout"),
        (415, "not-supported"),
        (429, "throttled"),
        (500, "unreachable"),
        (501, "not-supported"),
        (503, "unreachable"),
        (504, "timeout"),
    ],
)
def test_a_failure_in_plain_text_is_a_fault(status: int, fault: str) -> None:
    assert post(answering(status, b"no", "text/plain")) == fault


@pytest.mark.parametrize("status", [400, 500])
def test_a_failure_in_the_asked_media_type_is_for_the_adapter(status: int) -> None:
    assert answer(answering(status, b"<fault/>")).status == status


@pytest.mark.parametrize("status", [401, 429])
def test_what_every_source_means_by_a_status_needs_no_adapter(status: int) -> None:
    assert post(answering(status, b"<fault/>")) in {"refused", "throttled"}


@pytest.mark.parametrize(
    ("asked", "given", "passes"),
    [
        (XML, "application/soap+xml", True),
        (XML, "application/xml; charset=utf-8", True),
        (XML, "TEXT/XML", True),
        (XML, "text/html", False),
        (XML, "application/octet-stream", False),
        (XML, "application/json", False),
        ({"content-type": "text/xml", "accept": "application/fhir+json, text/csv"}, "application/json", True),
        ({"Content-Type": "text/xml", "Accept": "application/fhir+json"}, "text/xml", False),
    ],
)
def test_an_answer_comes_in_the_asked_media_type(asked: dict[str, str], given: str, *, passes: bool) -> None:
    assert (post(answering(media_type=given), asked) != "structure") == passes


def test_redirects_are_not_followed() -> None:
    visited: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        visited.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert post(handler) == "unreachable"
    assert visited == ["/"]


def test_an_adapter_cannot_leave_the_endpoint() -> None:
    transport = HttpTransport(declared(endpoint="http://127.0.0.1:1/hl7v3"))
    for url in ("http://127.0.0.2:1/hl7v3", "http://127.0.0.1:2/", "https://127.0.0.1:1/hl7v3", "http://127.0.0.1:1@example.org/"):
        with pytest.raises(SourceError, match="another address") as refused:
            asyncio.run(transport.post(url, b"", {}))
        assert refused.value.fault == "refused"


@pytest.mark.parametrize(("size", "passes"), [(1000, True), (1001, False)])
def test_an_answer_has_a_largest_size(size: int, *, passes: bool) -> None:
    assert (post(answering(body=b"x" * size), largest_answer="1000") != "too-much") == passes


def test_a_compressed_answer_is_refused() -> None:
    assert post(answering(body=b"\x1f\x8b", **{"Content-Encoding": "gzip"})) == "structure"


def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        return await answering(**{"Set-Cookie": "a=1"})(request)

    async def talk() -> None:
        async with served(handler) as url:
            named = url.replace("127.0.0.1", "localhost")  # cookies of an address are never kept, those of a name may be
            async with opened(named) as transport:
                for _ in range(2):
                    await transport.post(named, b"", XML)

    asyncio.run(talk())
    assert seen == [None, None]


def test_a_broken_connection_is_tried_once_more() -> None:
    calls: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        calls.append(1)
        if len(calls) == 1:
            hang_up(request)
        return await answering()(request)

    assert answer(handler).body == b"<answer/>"
    assert len(calls) == 2


def test_a_connection_that_always_breaks_is_tried_twice() -> None:
    calls: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        calls.append(1)
        hang_up(request)
        return web.Response()

    assert post(handler) == "unreachable"
    assert len(calls) == 2


def test_nobody_there_is_unreachable() -> None:
    async def talk() -> None:
        url = "http://127.0.0.1:1/hl7v3"
        async with opened(url) as transport:
            await transport.post(url, b"", XML)

    with pytest.raises(SourceError) as error:
        asyncio.run(talk())
    assert error.value.fault == "unreachable"


def test_a_cancelled_call_closes_its_connection() -> None:
    async def talk() -> None:
        reached, left = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"<question/>")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<an")
            await writer.drain()
            reached.set()
            await reader.read()
            left.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with opened(base) as transport:
            task = asyncio.create_task(transport.post(base, b"<question/>", XML))
            await reached.wait()
            task.cancel()
            await asyncio.wait_for(left.wait(), 10)
            with pytest.raises(asyncio.CancelledError):
                await task
        server.close()
        await server.wait_closed()

    asyncio.run(talk())


def test_one_source_gets_a_bounded_number_of_connections() -> None:
    open_now: list[int] = []
    most: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        open_now.append(1)
        most.append(len(open_now))
        await asyncio.sleep(0.02)
        open_now.pop()
        return await answering()(request)

    async def talk() -> None:
        async with served(handler) as url, opened(url) as transport:
            await asyncio.gather(*(transport.post(url, b"", XML) for _ in range(30)))

    asyncio.run(talk())
    assert max(most) == 8


def test_a_question_by_get_keeps_to_the_same_rules() -> None:
    asked: list[tuple[str, str]] = []

    async def tell(request: web.Request) -> web.Response:
        asked.append((request.method, request.path))
        if request.path == "/moved":
            raise web.HTTPFound("/metadata")
        return web.Response(text="{}", content_type="application/fhir+json")

    async def talk() -> tuple[Response, list[str]]:
        accept = {"Accept": "application/fhir+json"}
        async with served(tell) as url, opened(url) as transport:
            faults = []
            for other in (f"{url}moved", "http://127.0.0.1:9/metadata"):
                with pytest.raises(SourceError) as raised:
                    await transport.get(other, accept)
                faults.append(raised.value.fault)
            return await transport.get(f"{url}metadata", accept), faults

    found, faults = asyncio.run(talk())
    assert (found.body, faults) == (b"{}", ["unreachable", "refused"])
    assert asked == [("GET", "/moved"), ("GET", "/metadata")]
