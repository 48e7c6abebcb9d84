"""Literal references (https://hl7.org/fhir/R4/references.html#literal)."""

import re
from functools import lru_cache
from typing import NamedTuple

LOGICAL_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RELATIVE = re.compile(r"(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?")


class Reference(NamedTuple):
    """A relative literal reference; ``version`` is "" unless the reference is versioned."""

    type: str
    id: str
    version: str = ""

    def __str__(self) -> str:
        """Write "Type/id", without the version."""
        return f"{self.type}/{self.id}"


@lru_cache(maxsize=16384)
def parse(text: str, base: str = "") -> Reference | None:
    """Read "Type/id", "Type/id/_history/v" or the same below ``base``; None for every other reference."""
    if base and text.startswith(base + "/"):
        text = text[len(base) + 1 :]
    match = _RELATIVE.fullmatch(text)
    return Reference(match["type"], match["id"], match["version"] or "") if match else None
