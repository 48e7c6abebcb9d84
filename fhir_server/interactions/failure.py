"""The one place where an error becomes an answer."""

import logging
import traceback
from collections.abc import Awaitable

from fhir_server.errors import FhirError, TooCostly
from fhir_server.interactions.call import Answer
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.storage.repository import SearchTooSlow

_log = logging.getLogger("fhir_server.http")


async def answered(answer: Awaitable[Answer], request: str) -> Answer:
    """Return the answer, or the one that tells why there is none; never raises. ``request`` is the id of the request."""
    try:
        return await answer
    except FhirError as error:
        return answer_of(error)
    except SearchTooSlow:
        return answer_of(TooCostly("This search takes too long. Add a parameter that narrows it, such as patient or a date."))
    except Exception as error:  # noqa: BLE001 - the last line of defence: whatever it was, the caller gets an OperationOutcome
        return answer_of(unexpected(error, request))


def answer_of(error: FhirError) -> Answer:
    """Return the OperationOutcome of ``error`` with its status and headers."""
    headers = [(name.decode(), value.decode()) for name, value in error.headers]
    return Answer(error.status, write(operation_outcome(error.issues)), headers)


def unexpected(error: Exception, request: str) -> FhirError:
    """Log where ``error`` came from, without its text (which may hold patient data), and return what the caller may know."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    _log.error("unexpected", extra={"request": request, "error": type(error).__name__, "frames": frames})
    return FhirError(f"Something went wrong on our side. The operator finds it under request {request}.")
