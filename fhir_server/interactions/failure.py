"""The one place where an error becomes an answer."""

import logging
import traceback
from collections.abc import Awaitable
from typing import Final

from fhir_server.errors import FhirError, NoDatabase, NoRoom, TooCostly
from fhir_server.interactions.call import Answer
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.storage.repository import SearchTooSlow, StorageFull, Unavailable

_log = logging.getLogger("fhir_server.http")
_LATER: Final = ((b"retry-after", b"5"),)


async def answered(answer: Awaitable[Answer], request: str) -> Answer:
    """Return the answer, or the one that tells why there is none; never raises. ``request`` is the id of the request."""
    try:
        return await answer
    except Exception as error:  # noqa: BLE001 - the last line of defence: whatever it was, the caller gets an OperationOutcome
        return failed(error, request)


def failed(error: Exception, request: str) -> Answer:
    """Return the answer that tells the caller of ``error``, whatever it is."""
    match error:
        case FhirError():
            return answer_of(error)
        case SearchTooSlow():
            return answer_of(TooCostly("This search takes too long. Add a parameter that narrows it, such as patient or a date."))
        case Unavailable() | StorageFull():
            return answer_of(_out_of_order(error, request))
    return answer_of(unexpected(error, request))


def unrecorded(error: Exception, request: str) -> Answer:
    """Return what is answered instead of what could not be recorded because of ``error``: to ask again, whatever it was."""
    answer = failed(error, request)
    if answer.status != FhirError.status:
        return answer
    refused = NoDatabase("That this was asked cannot be recorded at the moment, so that it is not answered. Send it again later.")
    refused.headers = _LATER
    return answer_of(refused)


def answer_of(error: FhirError) -> Answer:
    """Return the OperationOutcome of ``error`` with its status and headers."""
    headers = [(name.decode(), value.decode()) for name, value in error.headers]
    return Answer(error.status, write(operation_outcome(error.issues)), headers, refusal=error.issues[0].detail)


def _out_of_order(error: Unavailable | StorageFull, request: str) -> FhirError:
    cause = type(error.__cause__).__name__
    _log.error("database", extra={"request": request, "error": type(error).__name__, "cause": cause})
    if isinstance(error, StorageFull):
        return NoRoom("There is no room left to store this, or to record that it was asked. Nothing was stored; tell the operator.")
    refused = NoDatabase("The database does not answer at the moment. Send the request again in a few seconds.")
    refused.headers = _LATER
    return refused


def unexpected(error: Exception, request: str) -> FhirError:
    """Log where ``error`` came from, without its text (which may hold patient data), and return what the caller may know."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    _log.error("unexpected", extra={"request": request, "error": type(error).__name__, "frames": frames})
    return FhirError(f"Something went wrong on our side. The operator finds it under request {request}.")
