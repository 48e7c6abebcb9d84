"""How a simulated source misbehaves on the wire."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

DRIP = 0.1
ENDLESS = b"<endless>" + b" " * 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the system answers: HTTP status, body, media type."""

    status: int
    body: bytes
    media_type: str

    def response(self) -> web.Response:
        """Make the HTTP response."""
        return web.Response(status=self.status, body=self.body, content_type=self.media_type, charset="utf-8")


Fault = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]


class UnknownFault(Exception):
    """No such fault; the text lists the ones there are."""


def fault(name: str) -> Fault:
    """Return the fault ``name`` (``delay=3`` waits three seconds); raise ``UnknownFault``."""
    kind, _, value = name.partition("=")
    if kind == "delay" and value.replace(".", "", 1).isdigit():
        return _delayed(float(value))
    if name not in FAULTS:
        raise UnknownFault(f"unknown fault {name!r}; known: {', '.join(FAULTS)}, delay=SECONDS")
    return FAULTS[name]


def _delayed(seconds: float) -> Fault:
    async def wait(request: web.Request, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await _none(request, answer)

    return wait


async def _none(_: web.Request, answer: Answer) -> web.StreamResponse:
    return answer.response()


def _instead(status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Fault:
    async def answer_that(_: web.Request, __: Answer) -> web.StreamResponse:
        response = Answer(status, body, media_type).response()
        response.headers.update(headers or {})
        return response

    return answer_that


async def _cut(_: web.Request, answer: Answer) -> web.StreamResponse:
    return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.media_type).response()


async def _close(request: web.Request, answer: Answer) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return answer.response()


async def _drip(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = await _begin(request, answer)
    for byte in answer.body:
        await response.write(bytes([byte]))
        await asyncio.sleep(DRIP)
    return response


async def _endless(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = await _begin(request, answer)
    while True:
        await response.write(ENDLESS)


async def _begin(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": answer.media_type})
    await response.prepare(request)
    return response


SOAP_FAULT = b"""<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>\
<faultcode>soap:Server</faultcode><faultstring>cannot answer</faultstring></soap:Fault></soap:Body></soap:Envelope>"""

LIES = (
    "endless-next",
    "next-elsewhere",
    "lying-self",
    "narrower-self",
    "ignores-patient",
    "ignores-parameters",
    "outcome-200",
    "id-change",
)
"""What a system that speaks FHIR does itself (``conformance.simulators.homecare``); to others these are no faults."""

FAULTS: dict[str, Fault] = {
    "none": _none,
    "http401": _instead(401, b"who are you?", "text/plain"),
    "http429": _instead(429, b"too often", "text/plain", {"Retry-After": "30"}),
    "http500": _instead(500, b"out of order", "text/plain"),
    "soap-fault": _instead(500, SOAP_FAULT, "text/xml"),
    "garbage": _instead(200, b"\x00\xff not at all XML <<<", "text/xml"),
    "html": _instead(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html"),
    "empty": _instead(200, b"", "text/xml"),
    "redirect": _instead(307, b"", "text/plain", {"Location": "/elsewhere"}),
    "wrong-patient": _none,
    "half-json": _cut,
    **dict.fromkeys(LIES, _none),
    "cut": _cut,
    "close": _close,
    "slow-drip": _drip,
    "endless": _endless,
}
