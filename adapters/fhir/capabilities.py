"""What a source says that it can do (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.contract import Resource, SourceError

_VERSION: Final = "4.0"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The search parameters of each type that can be searched, by type, and the types of which one can be read."""

    searched: Mapping[str, frozenset[str]]
    read: frozenset[str]

    def require_search(self, type_: str) -> frozenset[str]:
        """Return the parameters of ``type_``; SourceError("not-supported") where it cannot be searched."""
        if type_ not in self.searched:
            raise SourceError("not-supported", f"the CapabilityStatement of the source has no search of {type_}")
        return self.searched[type_]


def capabilities(statement: Resource) -> Capabilities:
    """Read a CapabilityStatement; SourceError for what is none, or is one of another version of FHIR."""
    if statement.get("resourceType") != "CapabilityStatement":
        raise SourceError("structure", "the source has no CapabilityStatement at /metadata")
    if not str(statement.get("fhirVersion", "")).startswith(_VERSION):
        raise SourceError("not-supported", "the source speaks another version of FHIR than R4")
    searched: dict[str, frozenset[str]] = {}
    read: set[str] = set()
    for each in _resources(statement):
        type_, can = str(each.get("type")), {str(one.get("code")) for one in _objects(each.get("interaction"))}
        if "search-type" in can:
            searched[type_] = frozenset(str(one.get("name")) for one in _objects(each.get("searchParam")))
        if "read" in can:
            read.add(type_)
    return Capabilities(searched, frozenset(read))


def _resources(statement: Resource) -> Iterator[Mapping[str, object]]:
    for rest in _objects(statement.get("rest")):
        if rest.get("mode") == "server":
            yield from _objects(rest.get("resource"))


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
