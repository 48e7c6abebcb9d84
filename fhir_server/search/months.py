"""A month of the Netherlands as a range of instants."""

import re

from fhir_server.search.values import DateError, Range, span

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)


def month(text: str) -> Range:
    """Return the month "YYYY-MM". Raises DateError."""
    if not _MONTH.fullmatch(text):
        raise DateError("a month is written as YYYY-MM")
    return span(text)
