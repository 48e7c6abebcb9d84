"""The list of names of data services (GNL): what people read where a service has only a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fhir_server.medmij.catalogue import ID
from fhir_server.medmij.lists.xml import Document, InvalidList, Issue

NAMESPACE: Final = "xmlns://afsprakenstelsel.medmij.nl/gegevensdienstnamenlijst/release1/"
_SHORTEST, _LONGEST = 3, 50


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """The names by the ids of the services."""

    issue: Issue
    names: Mapping[str, str]


def read_service_names(content: bytes) -> ServiceNames:
    """Read the list. Raises InvalidList."""
    document = Document(content, "Gegevensdienstnamenlijst", NAMESPACE)
    found: dict[str, str] = {}
    for element in document.each("Gegevensdiensten/Gegevensdienst"):
        id_, name = document.text(element, "GegevensdienstId"), document.text(element, "Weergavenaam")
        if not ID.fullmatch(id_) or not _SHORTEST <= len(name) <= _LONGEST:
            raise InvalidList("a GegevensdienstId must be a number, and its Weergavenaam of 3 to 50 characters")
        if id_ in found:
            raise InvalidList("a GegevensdienstId occurs twice")
        found[id_] = name
    return ServiceNames(document.issue, found)
