"""The one place where an error becomes an answer."""

import logging
import traceback

from fhir_server.errors import FhirError
from fhir_server.interactions.call import Answer
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome

_log = logging.getLogger("fhir_server.http")


def answer_of(error: FhirError) -> Answer:
    """Return the OperationOutcome of ``error`` with its status and headers."""
    headers = [(name.decode(), value.decode()) for name, value in error.headers]
    return Answer(error.status, write(operation_outcome(error.issues)), headers)


def unexpected(error: Exception, request: str) -> FhirError:
    """Log where ``error`` came from, without its text (which may hold patient data), and return what the caller may know."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    _log.error("unexpected", extra={"request": request, "error": type(error).__name__, "frames": frames})
    return FhirError(f"Something went wrong on our side. The operator finds it under request {request}.")
