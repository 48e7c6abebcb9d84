"""From an answer to the bytes on the wire."""

import gzip

from fhir_server.http.negotiate import Wanted
from fhir_server.http.request import Send
from fhir_server.interactions.call import Answer
from fhir_server.model import json, xml
from fhir_server.model.body import OWN

_VARY = (b"vary", b"accept, accept-encoding, authorization")
_CONTENT = {
    "json": (b"content-type", b"application/fhir+json; charset=utf-8"),
    "xml": (b"content-type", b"application/fhir+xml; charset=utf-8"),
}
_CHECK_AGAIN = (b"cache-control", b"private, no-cache")
_KEEP_NOTHING = (b"cache-control", b"private, no-store")
_AS_IT_IS = Wanted("json")
_WORTH_COMPRESSING = 2_000


def render(body: bytes, wanted: Wanted) -> bytes:
    """Return the JSON ``body`` in the wanted format; JSON that nobody wants pretty goes out as it is."""
    if not body or wanted == _AS_IT_IS:
        return body
    resource = json.read(body, OWN).resource
    if wanted.format == "xml":
        return xml.write(resource, pretty=wanted.pretty)
    return json.write(resource, pretty=True)


async def send_answer(send: Send, answer: Answer, wanted: Wanted, request: str, *, head: bool, compress: bool) -> None:
    """Send ``answer``: with headers of its own, the request id, and without a body for HEAD."""
    body = answer.body if answer.media else render(answer.body, wanted)
    headers = [(b"x-request-id", request.encode()), _CHECK_AGAIN if answer.keep else _KEEP_NOTHING, _VARY]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode()))
    if answer.media:
        headers.append((b"content-type", answer.media.encode()))
    elif body:
        headers.append(_CONTENT[wanted.format])
        if compress and len(body) >= _WORTH_COMPRESSING:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(answer.length if answer.stream else len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is not None and not head:
        async for chunk in answer.stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if head else body})
