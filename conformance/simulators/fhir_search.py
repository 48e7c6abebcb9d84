"""A search as a small FHIR server carries it out: tokens and dates, what it knows no parameter for it does not know."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Parameters = Sequence[tuple[str, str]]
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "Patient": {"identifier": "identifier"},
    "CarePlan": {"patient": "subject", "status": "status", "category": "category", "date": "period.start"},
    "Condition": {"patient": "subject", "category": "category", "clinical-status": "clinicalStatus", "code": "code"},
    "Goal": {"patient": "subject", "lifecycle-status": "lifecycleStatus"},
    "Observation": {
        "patient": "subject",
        "category": "category",
        "code": "code",
        "date": "effectiveDateTime",
        "status": "status",
    },
    "Procedure": {"patient": "subject", "code": "code", "date": "performedDateTime", "status": "status"},
}
"""The types that can be searched: the element that each parameter looks at."""
READ = ("Organization", "Practitioner", "PractitionerRole")


class UnknownParameter(Exception):
    """The type has no such parameter here."""


def found(resources: Sequence[Json], type_: str, parameters: Parameters) -> list[Json]:
    """Return the resources of a type for which all parameters hold; raise ``UnknownParameter``."""
    for name, _ in parameters:
        if name not in PARAMETERS[type_]:
            raise UnknownParameter(name)
    return [each for each in resources if each["resourceType"] == type_ and all(_holds(each, *one) for one in parameters)]


def _holds(resource: Json, name: str, value: str) -> bool:
    place = PARAMETERS[resource["resourceType"]][name]
    if name == "patient":
        return bool(resource[place]["reference"] == f"Patient/{value.removeprefix('Patient/')}")
    if name == "date":
        return _dated(_at(resource, place), value)
    return any(each in _tokens(resource.get(place)) for each in value.split(","))


def _at(resource: Json, path: str) -> str:
    value: Any = resource
    for step in path.split("."):
        value = value.get(step, {})
    return str(value)


def _dated(day: str, value: str) -> bool:
    prefix, bound = (value[:2], value[2:]) if value[:1].isalpha() else ("eq", value)
    own = day[: len(bound)]
    return {"ge": own >= bound, "le": own <= bound, "eq": own == bound}.get(prefix, False)


def _tokens(value: object) -> set[str]:
    """Return a code, with and without its system, in all forms in which FHIR has one."""
    return set(_words(value))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, dict) and "coding" in value:
        yield from _words(value["coding"])
    elif isinstance(value, dict):
        code = str(value.get("code", value.get("value", "")))
        yield from (code, f"{value.get('system', '')}|{code}")
