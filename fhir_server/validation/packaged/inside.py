"""The resources inside of another: contained ones, and the entries of a Bundle."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.validation.location import Location, below


def inside(resource: Mapping[str, Any], at: Location) -> Iterator[tuple[Mapping[str, Any], Location]]:
    """Yield them with their places, and those inside of them."""
    for index, each in enumerate(resource.get("contained", ())):
        yield each, below(at, "contained", index)
    if resource.get("resourceType") == "Bundle":
        for index, entry in enumerate(resource.get("entry", ())):
            if isinstance(entry.get("resource"), dict):
                where = below(below(at, "entry", index), "resource")
                yield entry["resource"], where
                yield from inside(entry["resource"], where)


def claims(resource: Mapping[str, Any]) -> list[str]:
    """Return the profiles that a resource claims."""
    found = resource.get("meta", {}).get("profile", ())
    return [each for each in dict.fromkeys(found) if isinstance(each, str)]
