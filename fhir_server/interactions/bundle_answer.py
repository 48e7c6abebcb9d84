"""The Bundle that answers a batch or transaction (https://hl7.org/fhir/R4/http.html#transaction-response)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fhir_server.interactions.call import Answer
from fhir_server.model.json import write
from fhir_server.model.meta import instant
from fhir_server.model.outcome import operation_outcome

_OUTCOME = b'{"resourceType":"OperationOutcome"'


def entry(answer: Answer) -> bytes:
    """Return the JSON of the entry for ``answer``: a resource, or an outcome, or neither.

    There is no fullUrl: two entries may well be about one resource, and a Bundle allows each fullUrl once.
    """
    response = _response(answer)
    if not answer.body:
        return b'{"response":%b}' % response
    if answer.body.startswith(_OUTCOME):
        return b'{"response":%b,"outcome":%b}}' % (response[:-1], answer.body)
    return b'{"resource":%b,"response":%b}' % (answer.body, response)


def _response(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    response: dict[str, Any] = {"status": f"{answer.status} {HTTPStatus(answer.status).phrase}"}
    response |= {name: headers[name] for name in ("location", "etag") if name in headers}
    if answer.updated:
        response["lastModified"] = instant(answer.updated)
    if answer.warnings and not answer.body.startswith(_OUTCOME):  # which has them
        response["outcome"] = operation_outcome(answer.warnings)
    return write(response)


def bundle(kind: Literal["batch", "transaction"], entries: Sequence[bytes]) -> bytes:
    """Return the JSON of the response to a Bundle of this ``kind``; an empty one has no entry."""
    head = b'{"resourceType":"Bundle","type":"%b-response"' % kind.encode()
    return head + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")
