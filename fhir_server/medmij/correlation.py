"""The two ids that MedMij gives every request, by which it is found in the records of all parties (core.tknint.208, rscint.201)."""

import re
from typing import Final

REQUEST: Final = "MedMij-Request-ID"
CORRELATION: Final = "X-Correlation-ID"
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` is a UUID (RFC 9562)."""
    return _UUID.fullmatch(text) is not None


def uuid_in(header: str) -> str:
    """Return the UUID in the value of a ``header`` in lower case, "" where there is none."""
    value = header.strip().lower()
    return value if is_uuid(value) else ""


def trace_id(correlation: str) -> str:
    """Return the trace (32 hexadecimal digits) that a correlation id stands for, "" for none."""
    return correlation.replace("-", "")
