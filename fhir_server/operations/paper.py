"""Answers that are not FHIR but for people: which of them a caller asks for."""

from collections.abc import Sequence
from typing import Final, Literal

from fhir_server.interactions.call import Call

Paper = Literal["", "html", "csv"]
MEDIA: Final = {"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8; header=present"}
HEADERS: Final = (
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
)
_PRINTED: Final = frozenset({"$access-log"})
_NAMES: Final[dict[str, Paper]] = {"text/html": "html", "html": "html", "text/csv": "csv", "csv": "csv"}
_FHIR: Final = frozenset({"*/*", "application/*"} | {f"application/{kind}" for kind in ("json", "xml", "fhir+json", "fhir+xml")})


def may_be_printed(segments: Sequence[str]) -> bool:
    """Tell whether what is at this path can also be had on paper."""
    return bool(segments) and segments[-1] in _PRINTED


def paper_of(call: Call) -> Paper:
    """Return what the caller wants to read it on, "" for FHIR: ``_format`` before the header Accept."""
    for name, value in call.parameters:
        if name == "_format":
            return _NAMES.get(value.partition(";")[0].strip().lower(), "")
    best: tuple[float, Paper] = (0.0, "")
    for part in call.headers.get("accept").split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = _weight(parameters)
        if (name in _NAMES or name in _FHIR) and weight > best[0]:
            best = (weight, _NAMES.get(name, ""))
    return best[1]


def _weight(parameters: Sequence[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def language_of(call: Call) -> Literal["nl", "en"]:
    """Return the language that the header Accept-Language likes best, Dutch by default."""
    best: tuple[float, Literal["nl", "en"]] = (0.0, "nl")
    for part in call.headers.get("accept-language").split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = _weight(parameters)
        if name.partition("-")[0] in {"nl", "en"} and weight > best[0]:
            best = (weight, "en" if name.startswith("en") else "nl")
    return best[1]
