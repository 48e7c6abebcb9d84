"""The same object from two places: known by the identifier that its author gave it, and by nothing less.

An author's identifier has the type ``author`` of provenance-participant-type and says by its assigner which organisation gave it
(generic function identification, Dutch ministry of health). What only looks alike stays as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from adapters.contract import Source
from fhir_server.federation.sources import URA

_AUTHOR: Final = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author")


class Assigned(NamedTuple):
    """An identifier that the author of an object gave it; ``assigner`` is the author's organisation (system, value)."""

    system: str
    value: str
    assigner: tuple[str, str]


def assigned(resource: Mapping[str, object]) -> Iterator[Assigned]:
    """Yield the identifiers of ``resource`` that its author gave it."""
    held = resource.get("identifier")
    for each in held if isinstance(held, list) else [held]:
        if isinstance(each, dict) and isinstance(each.get("value"), str) and _is_of_author(each):
            assigner = _organisation(each)
            if assigner[0] == URA and assigner[1]:
                yield Assigned(str(each.get("system", "")), each["value"], assigner)


def serves_own(source: Source, identifier: Assigned) -> bool:
    """Tell whether what ``source`` gives under ``identifier`` is its own: then its copy is the one to keep."""
    return identifier.assigner in source.organisation


def _is_of_author(identifier: Mapping[str, object]) -> bool:
    kind = identifier.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    found = [each for each in codings if isinstance(each, dict)] if isinstance(codings, list) else []
    return any((each.get("system"), each.get("code")) == _AUTHOR for each in found)


def _organisation(identifier: Mapping[str, object]) -> tuple[str, str]:
    assigner = identifier.get("assigner")
    held = assigner.get("identifier") if isinstance(assigner, dict) else None
    return (str(held.get("system", "")), str(held.get("value", ""))) if isinstance(held, dict) else ("", "")
