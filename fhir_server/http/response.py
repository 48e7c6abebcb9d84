"""From an answer to the bytes on the wire."""

import zlib

from fhir_server.federation.pace import Pace, Steps, as_list, emptied
from fhir_server.http.negotiate import Wanted
from fhir_server.http.request import Send
from fhir_server.interactions.call import Answer
from fhir_server.model import json, xml

_VARY = (b"vary", b"accept, accept-encoding, authorization")
_CONTENT = {
    "json": (b"content-type", b"application/fhir+json; charset=utf-8"),
    "xml": (b"content-type", b"application/fhir+xml; charset=utf-8"),
}
_VERSION = b"; fhirVersion=4.0"
_CHECK_AGAIN = (b"cache-control", b"private, no-cache")
_KEEP_NOTHING = (b"cache-control", b"private, no-store")
_AS_IT_IS = Wanted("json")
_WORTH_COMPRESSING = 2_000
_GZIP = 31  # as wbits: the largest window, and the form of gzip
_PART = 32_768
_PACE = Pace()


def rendered(body: bytes, wanted: Wanted) -> Steps[bytes]:
    """Return the JSON ``body`` in the wanted format, with a stop after each entry."""
    resource = yield from json.own_slowly(body)
    if wanted.format == "xml":
        made = b"".join((yield from as_list(xml.pieces(resource, pretty=wanted.pretty))))
    else:
        made = json.write(resource, pretty=True)
    yield from emptied(*(each for each in resource.values() if isinstance(each, list)))
    return made


def packed(body: bytes) -> Steps[bytes]:
    """Return ``body`` as gzip (RFC 1952), with a stop after each part of it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    parts = yield from as_list(packer.compress(body[start : start + _PART]) for start in range(0, len(body), _PART))
    return b"".join((*parts, packer.flush()))


async def send_answer(
    send: Send,
    answer: Answer,
    wanted: Wanted,
    request: str,
    *,
    head: bool,
    compress: bool,
    versioned: bool = False,
    pace: Pace = _PACE,
) -> None:
    """Send ``answer``: with headers of its own, the request id, and without a body for HEAD.

    ``versioned``: its media type names the version of FHIR (https://hl7.org/fhir/R4/http.html#version-parameter).
    However long it is, others are served meanwhile: what it takes to make it XML, or small, is done at a ``pace``.
    """
    body = answer.body
    if body and not answer.media and wanted != _AS_IT_IS:  # JSON that nobody wants pretty goes out as it is
        body = await pace.through(rendered(body, wanted))
    headers = [(b"x-request-id", request.encode()), _CHECK_AGAIN if answer.keep else _KEEP_NOTHING, _VARY]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode()))
    if answer.media:
        headers.append((b"content-type", answer.media.encode()))
    elif body:
        header, media = _CONTENT[wanted.format]
        headers.append((header, media + _VERSION if versioned else media))
        if compress and len(body) >= _WORTH_COMPRESSING:
            body = await pace.through(packed(body))
            headers.append((b"content-encoding", b"gzip"))
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(answer.length if answer.stream else len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is not None and not head:
        async for chunk in answer.stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if head else body})
