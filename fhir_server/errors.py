"""The one family of errors of the server.

FhirError                      what every failure of a request is
|-- BadRequest         400     the request cannot be understood
|   `-- Malformed      400     the body is not well-formed JSON or XML
|-- Unauthorized       401     no token, or one that does not verify
|-- Forbidden          403     known who asks, and they may not
|-- NotFound           404     no such resource, or none that may be known
|-- NotAllowed         405     the type has no such interaction here
|-- NotAcceptable      406     no format both sides speak
|-- TooSlow            408     the body did not come in time
|-- Conflict           409     the write collides with what is stored
|-- Gone               410     the resource was deleted
|-- PreconditionFailed 412     If-Match or If-None-Exist did not hold
|-- TooLarge           413     the body is above the limit
|-- UnsupportedMedia   415     the body's format is not spoken here
|-- RangeNotSatisfiable 416    the part that is asked for lies behind the end
|-- Unprocessable      422     well-formed, and not valid
|-- TooMany            429     so much waits already that no more is taken now
|-- TooCostly          503     answering would take too long
|-- NoRoom             507     the disk is full
|-- NoDatabase         503     the database does not answer
|-- NoIssuer           503     who issued the token does not answer
|-- NoScanner          503     the virus scanner does not answer
|-- SourcesFailed      502     every source failed
`-- SourcesTimedOut    504     every source was too late

An error carries what the caller may read (``text``, ``expression``) and, apart from it, the private ``cause`` that only the log
sees. It becomes an OperationOutcome in ``interactions/failure.py`` and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One OperationOutcome.issue (https://hl7.org/fhir/R4/operationoutcome.html).

    ``code`` is an issue-type code, ``detail`` a stable code of our own CodeSystem ``error-code``, ``expression`` a FHIRPath.
    """

    code: str
    text: str
    expression: str = ""
    severity: str = "error"
    detail: str = ""


class FhirError(Exception):
    """A request that ends in an OperationOutcome with HTTP ``status``."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"
    detail: ClassVar[str] = "internal"

    def __init__(self, text: str, *, expression: str = "", detail: str = "", issues: Sequence[Issue] = ()) -> None:
        """Describe the failure: one issue from ``text``, or the given ``issues`` (then ``text`` is for the log)."""
        super().__init__(text)
        self.text = text
        self.issues: tuple[Issue, ...] = tuple(issues) or (Issue(self.code, text, expression, detail=detail or self.detail),)
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        self.about = ""
        """The resource ("Type/id") that the issues are about, where a request that writes several is refused as a whole."""


class BadRequest(FhirError):
    """The request cannot be understood."""

    status, code, detail = 400, "invalid", "bad-request"


class Malformed(BadRequest):
    """The body is not well-formed."""

    code, detail = "structure", "malformed-body"


class Unauthorized(FhirError):
    """There is no token, or it does not verify."""

    status, code, detail = 401, "login", "token-refused"


class Forbidden(FhirError):
    """The caller is known and may not do this."""

    status, code, detail = 403, "forbidden", "not-permitted"


class NotFound(FhirError):
    """There is no such resource, or none that the caller may know of."""

    status, code, detail = 404, "not-found", "unknown-resource"


class NotAllowed(FhirError):
    """The type does not have this interaction here."""

    status, code, detail = 405, "not-supported", "interaction-not-supported"


class NotAcceptable(FhirError):
    """No requested format is spoken here."""

    status, code, detail = 406, "not-supported", "format-not-supported"


class TooSlow(FhirError):
    """The body did not come in time."""

    status, code, detail = 408, "timeout", "body-too-slow"


class Conflict(FhirError):
    """The write collides with what is stored."""

    status, code, detail = 409, "conflict", "version-conflict"


class Gone(FhirError):
    """The resource was deleted."""

    status, code, detail = 410, "deleted", "deleted-resource"


class PreconditionFailed(FhirError):
    """A precondition of the request does not hold."""

    status, code, detail = 412, "conflict", "precondition-failed"


class TooLarge(FhirError):
    """The body is above the limit."""

    status, code, detail = 413, "too-long", "body-too-large"


class UnsupportedMedia(FhirError):
    """The body comes in a format that is not spoken here."""

    status, code, detail = 415, "not-supported", "media-type-not-supported"


class RangeNotSatisfiable(FhirError):
    """The part of the content that is asked for lies behind its end."""

    status, code, detail = 416, "invalid", "range-not-satisfiable"


class Unprocessable(FhirError):
    """The resource is well-formed and not valid."""

    status, code, detail = 422, "invalid", "invalid-resource"


class TooMany(FhirError):
    """So much of the caller's waits already that no more is taken now."""

    status, code, detail = 429, "throttled", "too-many"


class TooCostly(FhirError):
    """Answering would take too long."""

    status, code, detail = 503, "too-costly", "too-costly"


class NoDatabase(FhirError):
    """The database does not answer, or cannot write."""

    status, code, detail = 503, "transient", "database-unavailable"


class NoIssuer(FhirError):
    """The issuer of a token does not answer, or not as it should."""

    status, code, detail = 503, "transient", "issuer-unavailable"


class NoScanner(FhirError):
    """The virus scanner does not answer."""

    status, code, detail = 503, "transient", "scanner-unavailable"


class NoRoom(FhirError):
    """The disk is full."""

    status, code, detail = 507, "no-store", "storage-full"


class SourcesFailed(FhirError):
    """Every source that was asked failed."""

    status, code, detail = 502, "exception", "sources-failed"


class SourcesTimedOut(FhirError):
    """Every source that was asked was too late."""

    status, code, detail = 504, "timeout", "sources-timed-out"
