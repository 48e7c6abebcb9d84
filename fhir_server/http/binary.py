"""A Binary as the content that it holds (https://hl7.org/fhir/R4/binary.html#rest): sent and fetched as it is, in its own format.

What is stored is always the resource. What comes out is never run by a browser: it is a file to keep, in a sandbox.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import BadRequest, FhirError, TooLarge, UnsupportedMedia
from fhir_server.http.negotiate import FHIR, GENERIC, media_type
from fhir_server.http.request import Headers, Request
from fhir_server.interactions.call import Answer, Call
from fhir_server.model import json, reference, xml
from fhir_server.model.body import OWN, Limits

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_VALUE = r"(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+|\"[A-Za-z0-9!#$%&'()*+,./:;<=>?@\[\]^_`{|}~-]*\")"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(?: ?; ?{_NAME}={_VALUE})*")
_LONGEST: Final = 255
_UNKNOWN: Final = "application/octet-stream"
_TYPE: Final = "Binary"
_WRITES: Final = frozenset({"create", "update"})
_READS: Final = frozenset({"read", "vread"})
_CONTEXT: Final = "x-security-context"
_ROOM: Final = 1_000  # bytes of the resource around its data
SANDBOX: Final = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "sandbox; default-src 'none'"),
)
"""What keeps a browser from running content."""
_NEVER_RUN: Final = (("content-disposition", "attachment"), *SANDBOX)


def may_be_fetched(request: Request, parameters: Sequence[tuple[str, str]]) -> bool:
    """Tell whether the answer may be the content of a Binary, in whatever format that is."""
    named = request.segments[:1] == (_TYPE,) and request.segments[-1] != "_history"
    return named and request.method in {"GET", "HEAD"} and not any(name == "_format" for name, _ in parameters)


def fetched(call: Call, answer: Answer) -> Answer:
    """Return ``answer``, with the content alone when it is a Binary of which the caller did not ask for the resource."""
    if call.type != _TYPE or call.interaction not in _READS or not answer.body or answer.status != 200:  # noqa: PLR2004 - OK
        return answer
    if any(name == "_format" for name, _ in call.parameters):
        return answer
    binary = json.read(answer.body, OWN).resource
    content_type = str(binary.get("contentType", ""))
    if not _wants_content(call.headers.get("accept"), content_type):
        return answer
    data = binary.get("data", "")
    headers = (*answer.headers, *_NEVER_RUN, *_context_of(binary, call.services.base))
    return replace(answer, body=b64decode(data), headers=headers, media=_safe(content_type))


def _wants_content(accept: str, content_type: str) -> bool:
    """Tell whether the content is to be sent, not the resource: unless FHIR is asked for, or JSON or XML that it is not."""
    choices = [media_type(part) for part in accept.split(",") if part.strip()]
    best = max((each for each in choices if each[1] > 0), key=lambda choice: choice[1], default=("*/*", 1.0, ""))[0]
    return best not in FHIR and (best not in GENERIC or best == content_type.partition(";")[0].strip().lower())


def _safe(content_type: str) -> str:
    """Return a stored content type as a header may carry it."""
    return content_type if len(content_type) <= _LONGEST and _MEDIA_TYPE.fullmatch(content_type) else _UNKNOWN


def _context_of(binary: Mapping[str, Any], base: str) -> tuple[tuple[str, str], ...]:
    literal = binary.get("securityContext", {}).get("reference")
    found = reference.parse(literal, base) if isinstance(literal, str) else None
    return ((_CONTEXT, str(found)),) if found else ()


def is_content(call: Call, body: bytes, content_type: str, limits: Limits) -> bool:
    """Tell whether ``body`` is the content of a new Binary: it is not in a FHIR format, or JSON or XML of something else."""
    if call.type != _TYPE or call.interaction not in _WRITES or not content_type:
        return False
    name = media_type(content_type)[0]
    return name not in FHIR and (name not in GENERIC or not _is_binary(body, name, limits))


def _is_binary(body: bytes, name: str, limits: Limits) -> bool:
    """Tell whether ``body`` is a Binary resource, or looks as if it was to be one: what is wrong with it is then told."""
    read = json.read if name.endswith("json") else None
    try:
        resource = read(body, limits).resource if read else xml.read(body, limits)
    except TooLarge:
        raise
    except FhirError:
        return b"Binary" in body and (b"resourceType" in body if read else b"http://hl7.org/fhir" in body)
    return resource.get("resourceType") == _TYPE


def resource(call: Call, content: bytes, headers: Headers, limits: Limits) -> bytes:
    """Return the Binary resource around ``content``, as JSON; raises UnsupportedMedia, BadRequest, TooLarge.

    What counts against the limit of a body is the resource, whose data are a third longer than the content.
    """
    largest = max(limits.size * 3 // 4 - _ROOM, 0)
    if len(content) > largest:
        raise TooLarge(f"The content of a Binary is larger than the {largest} bytes that this server keeps. Send it in parts.")
    made: dict[str, object] = {"resourceType": _TYPE}
    if call.id:
        made["id"] = call.id
    made["contentType"] = _checked(headers.get("content-type").strip())
    if _CONTEXT in headers:
        context = headers.get(_CONTEXT).strip()
        if not context or not context.isprintable():
            raise BadRequest("X-Security-Context is a reference, such as Patient/1.")
        made["securityContext"] = {"reference": context}
    if content:
        made["data"] = b64encode(content).decode()
    return json.write(made)


def _checked(content_type: str) -> str:
    if len(content_type) > _LONGEST or not _MEDIA_TYPE.fullmatch(content_type) or content_type.startswith("multipart/"):
        raise UnsupportedMedia("The Content-Type is not a media type such as image/png; multipart is not taken here.")
    return content_type
