"""The header Prefer (RFC 7240, https://hl7.org/fhir/R4/http.html#return)."""

from collections.abc import Mapping
from functools import lru_cache


@lru_cache(maxsize=256)
def preferences(header: str) -> Mapping[str, str]:
    """Return the preferences by name, both in lower case and without quotes; of one that is given twice the first counts."""
    found: dict[str, str] = {}
    for part in header.replace(";", ",").split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    return found
