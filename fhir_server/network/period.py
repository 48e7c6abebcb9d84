"""The time that a Period covers (https://hl7.org/fhir/R4/datatypes.html#Period)."""

from collections.abc import Mapping

from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DateError, Range, span

_ALWAYS = Range(EARLIEST, LATEST)
_NEVER = Range(LATEST, EARLIEST)


def lasting(period: object) -> Range:
    """Return when something with this Period lasts, in microseconds; dates count whole days in the Netherlands.

    Always without a Period; never when its dates cannot be read: a doubtful period opens nothing.
    """
    if not isinstance(period, Mapping):
        return _ALWAYS
    start, end = period.get("start"), period.get("end")
    try:
        return Range(span(start).low if start else EARLIEST, span(end).high if end else LATEST)
    except (DateError, TypeError):
        return _NEVER
